/** The error of an event that does not fit its schema: names the fields, never shows their values. */
import type { z } from 'zod';
import { Terminal } from '../errors/classes.ts';

const MAX_ISSUES = 3;

export function invalid(error: z.ZodError): Terminal {
  const issues = error.issues
    .slice(0, MAX_ISSUES)
    .map((issue) => `${issue.path.join('.') || 'event'}: ${issue.message}`);
  return new Terminal('InvalidField', issues.join('; '));
}
