/** What the attributes of an event may be, for encoding and decoding alike; and which names are no extensions. */
import { z } from 'zod';

// Control characters would break NATS headers (the id is one) and log lines.
export const text = z
  .string()
  .min(1, 'must not be empty')
  .max(1024)
  .regex(/^[^\x00-\x1f\x7f]*$/, 'must not have control characters');

export const extensionName = /^[a-z0-9]{1,64}$/;

/** RFC 3339; Go sends up to nine digits of a second, which stay as they are. */
export const rfc3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

/** Attributes of 0.2, 0.3 and 1.0 that have a meaning of their own and so cannot be extensions. */
export const attributeNames: ReadonlySet<string> = new Set([
  'specversion',
  'type',
  'source',
  'id',
  'time',
  'contenttype',
  'datacontenttype',
  'datacontentencoding',
  'shkeptncontext',
  'data',
]);

export function isTime(value: string): boolean {
  return rfc3339.test(value) && !Number.isNaN(Date.parse(value));
}

/** A KeptnEvent that may be sent. */
export const sendable = z.object({
  id: text,
  type: text,
  source: text,
  time: z.string().refine(isTime, 'must be a time as in RFC 3339'),
  shkeptncontext: text,
  extensions: z
    .record(z.string(), z.string())
    .superRefine((extensions, context) => {
      for (const name of Object.keys(extensions)) {
        if (extensionName.test(name) && !attributeNames.has(name)) continue;
        context.addIssue({
          code: 'custom',
          path: [name],
          message: 'must be lower-case letters and digits and no attribute',
        });
      }
    })
    .optional(),
});
