/** Names and URIs from outside: what is allowed, checked by the same schemas everywhere. */
import { z } from 'zod';

/** Largest content of one resource: what fits into one custom resource and one CloudEvent. */
export const MAX_CONTENT_BYTES = 1024 * 1024;

const label = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;

/** Name of a project, stage or service: a DNS label that begins with a letter. */
export const dnsLabel = z
  .string()
  .max(63)
  .regex(
    label,
    'must be a DNS label: lower-case letters, digits and "-", beginning with a letter, at most 63 characters',
  );

/** The branch of a project's own files; no stage can have this name. */
export const MAIN_BRANCH = 'master';

/**
 * Path of a resource inside its folder, for example `helm/carts/values.yaml`: no leading or trailing slash, no empty,
 * `.`, `..` or `.git` segment, no backslash or control character.
 */
// The pattern is RE2 as well, since the API server checks it too: hence no lookahead.
export const resourceUri = z
  .string()
  .min(1)
  .max(512)
  .regex(
    /^[^/\\\x00-\x1f\x7f]+(\/[^/\\\x00-\x1f\x7f]+)*$/,
    'must be a relative path without empty segments or backslashes',
  )
  .refine(staysInside, 'must not have a segment ".", ".." or ".git"');

/** The rule of `resourceUri` that a pattern cannot say. */
export function staysInside(uri: string): boolean {
  return uri.split('/').every((segment) => !['.', '..'].includes(segment) && segment.toLowerCase() !== '.git');
}

/** What is wrong with a field, for a person. */
export function sentenceOf(issue: z.core.$ZodIssue): string {
  return issue.code === 'invalid_type' && issue.message.endsWith('received undefined') ? 'is missing' : issue.message;
}

/** The one-line text of the first problems of a zod error, each with its field. */
export function problemsOf(error: z.ZodError, root = ''): string {
  return error.issues
    .slice(0, 3)
    .map((issue) => `${[root, ...issue.path].filter((part) => part !== '').join('.') || 'value'}: ${sentenceOf(issue)}`)
    .join('; ');
}
