/** ConfigMaps and Secrets in files: the bytes behind their keys. */
import { z } from 'zod';

export type Values = ReadonlyMap<string, Uint8Array>;

const text = z.string().transform((value): Uint8Array => Buffer.from(value));
// The API server skips line breaks in base64 as well: YAML folds long values.
const base64 = z
  .string()
  .transform((value) => value.replace(/[\r\n]/g, ''))
  .pipe(z.base64('is no base64'))
  .transform((value): Uint8Array => Buffer.from(value, 'base64'));

const head = { apiVersion: z.string(), kind: z.string(), metadata: z.unknown(), immutable: z.boolean().optional() };
const entries = <T extends z.ZodType>(value: T) => z.record(z.string(), value).nullish();

const schemas = {
  ConfigMap: z.strictObject({ ...head, data: entries(text), binaryData: entries(base64) }),
  Secret: z.strictObject({ ...head, type: z.string().optional(), data: entries(base64), stringData: entries(text) }),
};

export function isValueKind(kind: string): kind is keyof typeof schemas {
  return kind in schemas;
}

/** What a manifest declares, or the first thing that is wrong with it. */
export function readValues(
  kind: keyof typeof schemas,
  raw: unknown,
): { values: Values } | { issue: z.core.$ZodIssue | undefined } {
  const parsed = schemas[kind].safeParse(raw);
  if (!parsed.success) return { issue: parsed.error.issues[0] };
  const { data, ...more } = parsed.data;
  const binaryData = 'binaryData' in more ? more.binaryData : undefined;
  const stringData = 'stringData' in more ? more.stringData : undefined;
  // As on the API server, stringData stands over data.
  return { values: new Map([data, binaryData, stringData].flatMap((part) => Object.entries(part ?? {}))) };
}
