/** The NATS subject of an event is its type; a type that would be a wildcard or leave `sh.keptn.` is refused. */
import { z } from 'zod';
import { Terminal } from '../errors/classes.ts';

const MAX_LENGTH = 255;

/** Tokens of letters, digits, `-` and `_`: no wildcard, no space, no empty token, nothing that NATS reads as its own. */
export const eventType = z
  .string()
  .max(MAX_LENGTH)
  .regex(
    /^sh\.keptn(\.[A-Za-z0-9_-]+)+$/,
    'must be sh.keptn. and tokens of letters, digits, "-" and "_" with dots between',
  );

/** The subject that an event of this type is stored under. */
export function subjectOf(type: string): string {
  const result = eventType.safeParse(type);
  if (!result.success) {
    throw new Terminal('InvalidField', `type: ${result.error.issues[0]?.message ?? 'is invalid'}, not ${quoted(type)}`);
  }
  return result.data;
}

/** Shown to people, so neither endless nor able to forge log lines. */
function quoted(type: string): string {
  return JSON.stringify(type.slice(0, 80));
}
