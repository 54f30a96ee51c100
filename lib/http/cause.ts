/**
 * What caused a write, as three optional request headers: who calls sets them, the configuration-service writes them
 * into the commit as Git trailers. Values are one printable line; anything else is refused.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import { FieldError } from './validate.ts';

/** The keptn context that a write is part of, and the custom resource in a certain generation that asks for it. */
export interface Cause {
  context: string;
  object?: { kind: string; namespace: string; name: string; uid: string; generation: number };
}

/** What a request says of its cause; each part may be missing. */
export interface RequestCause extends Partial<Cause> {
  author?: { name: string; email: string };
}

export function causeHeaders({ context, object }: Cause): Record<string, string> {
  if (!object) return { 'x-keptn-context': context };
  const { kind, namespace, name, uid, generation } = object;
  return {
    'x-keptn-context': context,
    'x-keptn-cause': `${kind} ${namespace}/${name} uid=${uid} generation=${generation}`,
  };
}

const contextSchema = z
  .string()
  .regex(/^[\x21-\x7e]{1,128}$/, 'must be up to 128 printable ASCII characters without blanks');

const NAME = '[a-z0-9][a-z0-9.-]{0,252}';
const OBJECT = new RegExp(
  `^([A-Z][A-Za-z]{0,62}) (${NAME})/(${NAME}) uid=([A-Za-z0-9-]{1,64}) generation=(\\d{1,15})$`,
);
const AUTHOR = /^([^<>\p{Cc}]{1,100}) <([^<>\s\p{Cc}]{1,100}@[^<>\s\p{Cc}]{1,100})>$/u;

/** Throws a FieldError that names the header. */
export function readCause(headers: IncomingHttpHeaders): RequestCause {
  const cause: RequestCause = {};
  const context = one(headers, 'x-keptn-context');
  if (context !== undefined) {
    const parsed = contextSchema.safeParse(context);
    if (!parsed.success) throw refusal('x-keptn-context', parsed.error.issues[0]?.message ?? 'is not valid');
    cause.context = parsed.data;
  }
  const object = one(headers, 'x-keptn-cause');
  if (object !== undefined) {
    const [, kind, namespace, name, uid, generation] = OBJECT.exec(object) ?? [];
    if (!kind || !namespace || !name || !uid || !generation) {
      throw refusal('x-keptn-cause', 'must be "<Kind> <namespace>/<name> uid=<uid> generation=<n>"');
    }
    cause.object = { kind, namespace, name, uid, generation: Number(generation) };
  }
  const author = one(headers, 'x-keptn-author');
  if (author !== undefined) {
    // HTTP hands headers over byte by byte.
    const [, name, email] = AUTHOR.exec(Buffer.from(author, 'latin1').toString('utf8')) ?? [];
    if (!name || !email) throw refusal('x-keptn-author', 'must be one line "Name <mail@host>"');
    cause.author = { name: name.trim(), email };
  }
  return cause;
}

function one(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

const refusal = (header: string, why: string): FieldError => new FieldError(605, `${header} in header ${why}`);
