/**
 * Mappings that users write: which bodies become which events. A text that begins with `$` is a JSONPath (RFC 9535) into
 * the body; everything else stands for itself. They are checked at the start, each mistake with its line.
 */
import { readFile } from 'node:fs/promises';
import { compile, type JSONPathQuery } from 'json-p3';
import { LineCounter, parseDocument, type Document } from 'yaml';
import { z } from 'zod';
import { messageOf, Terminal } from '../../lib/errors/classes.ts';
import { eventType } from '../../lib/events/subject.ts';
import type { HttpMessage } from '../../lib/events/http-message.ts';
import { idOf } from '../../lib/events/id.ts';
import { sentenceOf } from '../../lib/model/names.ts';
import type { Fields } from './handler.ts';

/** The value that a template gives for a body; undefined when its path finds nothing. */
type Template = (body: unknown) => unknown;

const path = z
  .string()
  .startsWith('$', 'must be a JSONPath: it begins with $')
  .transform((text, context) => compiled(text, context));

const value: z.ZodType<Template> = z.lazy(() =>
  z.union([
    text,
    z.number().transform(constant),
    z.boolean().transform(constant),
    z.null().transform(constant),
    list,
    map,
  ]),
);
const text = z.string().transform((given, context) => {
  if (!given.startsWith('$')) return constant(given);
  const query = compiled(given, context);
  return (body: unknown) => first(query, body);
});
const list = z.array(value).transform((items) => (body: unknown) => items.map((item) => item(body)));
const map = z.record(z.string(), value).transform((fields) => (body: unknown) => filled(fields, body));

const mapping = z.strictObject({
  name: z.string().min(1).describe('Part of the id of its events: two mappings never make the same event.'),
  type: z.string().min(1).optional().describe('The type of the CloudEvent to take; without it other bodies are meant.'),
  has: path.optional().describe('A JSONPath that must find something in the body.'),
  forEach: path.optional().describe('One event for each node that it finds; the paths below begin there.'),
  event: z.strictObject({
    type: eventType,
    source: z.string().min(1),
    id: text.optional().describe('Equal values make the same event. Without it each request makes a new one.'),
    shkeptncontext: text.optional().describe('Equal values make the same keptn context.'),
    time: text.optional(),
    data: value,
  }),
});
const file = z.strictObject({ mappings: z.array(mapping).default([]) });
type Mapping = z.output<typeof mapping>;

export interface Mappings {
  /** The events that the first mapping which takes the message makes of it; undefined when none takes it. */
  apply(message: HttpMessage): Fields[] | undefined;
}

export const noMappings: Mappings = { apply: () => undefined };

/** Rejects with `Terminal`, which names the file, the line and what is wrong there. */
export async function readMappings(fileName: string): Promise<Mappings> {
  return parseMappings(await readFile(fileName, 'utf8'), fileName);
}

export function parseMappings(content: string, fileName: string): Mappings {
  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines });
  const [error] = document.errors;
  if (error) throw new Terminal('InvalidField', `${fileName}:${error.linePos?.[0].line ?? 1} ${error.message}`);
  const result = file.safeParse(document.toJS());
  if (result.success) return { apply: (message) => apply(result.data.mappings, message) };
  const problems = result.error.issues.flatMap(deepest).map((issue) => {
    const where = issue.path.join('.');
    return `${fileName}:${lineOf(document, lines, issue.path)} ${where}: ${sentenceOf(issue)}`;
  });
  throw new Terminal('InvalidField', problems.slice(0, 5).join('\n'));
}

function apply(mappings: readonly Mapping[], message: HttpMessage): Fields[] | undefined {
  const body = message.kind === 'event' ? message.fields : message.body;
  const type = message.kind === 'event' ? message.fields['type'] : undefined;
  const found = mappings.find((one) => one.type === type && (!one.has || one.has.query(asJson(body)).length > 0));
  if (found === undefined) return undefined;
  const roots: unknown[] = found.forEach ? found.forEach.query(asJson(body)).values() : [body];
  return roots.map((root) => eventFields(found, root));
}

function eventFields({ name, event }: Mapping, root: unknown): Fields {
  const id = event.id?.(root);
  const context = event.shkeptncontext?.(root);
  return {
    specversion: '1.0',
    type: event.type,
    source: event.source,
    id: id === undefined ? undefined : idOf('mapping', name, JSON.stringify(id)),
    shkeptncontext: context === undefined ? undefined : idOf('mapping-context', name, JSON.stringify(context)),
    time: event.time?.(root),
    data: event.data(root),
  };
}

function constant(given: unknown): Template {
  return () => given;
}

function compiled(given: string, context: z.RefinementCtx): JSONPathQuery {
  try {
    return compile(given);
  } catch (error) {
    context.addIssue({ code: 'custom', message: `is no JSONPath: ${messageOf(error)}` });
    return z.NEVER;
  }
}

/** What the path finds: one value, or a list when it finds several. */
function first(query: JSONPathQuery, body: unknown): unknown {
  const values: unknown[] = query.query(asJson(body)).values();
  return values.length > 1 ? values : values[0];
}

function filled(fields: Record<string, Template>, body: unknown): Record<string, unknown> {
  const entries = Object.entries(fields).map(([name, template]): [string, unknown] => [name, template(body)]);
  return Object.fromEntries(entries.filter(([, found]) => found !== undefined));
}

/** The library's own type of parsed JSON; what comes here was parsed from JSON. */
function asJson(body: unknown): Parameters<JSONPathQuery['query']>[0] {
  return body as Parameters<JSONPathQuery['query']>[0];
}

/** Of a choice, the issues of the variant that came furthest. */
function deepest(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const variants = issue.errors.map((issues) => issues.flatMap(deepest));
  const length = (issues: z.core.$ZodIssue[]): number =>
    Math.max(...issues.map((one) => (one.code === 'invalid_type' ? 0 : 1) + one.path.length * 2));
  const best = variants.sort((a, b) => length(b) - length(a))[0] ?? [];
  return best.map((one) => ({ ...one, path: [...issue.path, ...one.path] }));
}

/** Line of the field, or of what encloses it when it is not there. */
function lineOf(document: Document.Parsed, lines: LineCounter, given: readonly PropertyKey[]): number {
  for (let length = given.length; length > 0; length -= 1) {
    const node: unknown = document.getIn(given.slice(0, length), true);
    const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined;
    if (Array.isArray(range) && typeof range[0] === 'number') return lines.linePos(range[0]).line;
  }
  return 1;
}
