/** If-Match and If-None-Match of a write: what must be there when its turn comes, so that nobody overwrites unseen. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Expectation } from '../../lib/git/port.ts';
import { FieldError } from '../../lib/http/validate.ts';

/** For the document. */
export const writeHeaders = {
  'if-match': 'An ETag: the write is done only while that is what is there, and answered 412 otherwise.',
  'if-none-match': '`*`: the write is done only when nothing is there yet, and answered 412 otherwise.',
  'x-keptn-author': 'Author of the commit: `Name <mail>`.',
  'x-keptn-context': 'The keptn context that the write belongs to; a trailer of the commit.',
};
export const readHeaders = { 'if-none-match': 'An ETag: answered 304 when that is still what is there.' };

/** What a commit has to expect where it writes. */
export type Precondition = Pick<Expectation, 'id'> | undefined;

const TAG = /^(?:W\/)?"([0-9a-f]{40})"$/;

export function preconditionOf(headers: IncomingHttpHeaders): Precondition {
  const match = headers['if-match'];
  const noneMatch = headers['if-none-match'];
  if (match !== undefined && noneMatch !== undefined) {
    throw new FieldError(605, 'if-match in header cannot be together with if-none-match');
  }
  if (noneMatch !== undefined && noneMatch !== '*') {
    throw new FieldError(605, 'if-none-match in header must be * in a write');
  }
  if (noneMatch !== undefined) return { id: null };
  if (match === undefined) return undefined;
  if (match === '*') return { id: undefined };
  const [, id] = TAG.exec(match) ?? [];
  if (id === undefined)
    throw new FieldError(605, 'if-match in header must be * or one ETag that was read: "<40 hex digits>"');
  return { id };
}

/** Refuses a condition where several branches are written at once. */
export function refusePrecondition(headers: IncomingHttpHeaders): void {
  if (preconditionOf(headers))
    throw new FieldError(605, 'if-match in header means nothing for several stages: write each of them');
}

export const etag = (id: string): Record<string, string> => ({ etag: `"${id}"` });

/** True when the client has this already. */
export const isKnown = (headers: IncomingHttpHeaders, id: string): boolean =>
  headers['if-none-match']?.includes(id) ?? false;
