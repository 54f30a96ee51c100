/**
 * Reads structured CloudEvents 0.2, 0.3 and 1.0. Names of attributes are read without regard to case, since services
 * of 0.6.2 send `contentType` beside `contenttype`; attributes that we have no field for become extensions.
 */
import { z } from 'zod';
import { Terminal } from '../errors/classes.ts';
import { attributeNames, extensionName, isTime, text } from './attributes.ts';
import type { KeptnEvent } from './event.ts';
import { invalid } from './invalid.ts';

const attributes = z.object({
  specversion: z.enum(['0.2', '0.3', '1.0'], 'must be "0.2", "0.3" or "1.0"'),
  type: text,
  source: text,
  id: text,
  time: z.string().transform(toTime).optional(),
  contenttype: z.string().optional(),
  datacontenttype: z.string().optional(),
  datacontentencoding: z.string().toLowerCase().optional(),
  shkeptncontext: text,
  data: z.unknown().optional(),
  data_base64: z.base64().optional(),
});

type Attributes = z.infer<typeof attributes>;

/**
 * The event in these bytes, this text or this parsed JSON. `receivedAt` stands in for a missing time, which the
 * specification allows. What does not fit is `Terminal`, and its message names the field.
 */
export function decodeEvent(input: Uint8Array | string | object, receivedAt = new Date().toISOString()): KeptnEvent {
  const { known, others } = divide(parse(input));
  const result = attributes.safeParse(known);
  if (!result.success) throw invalid(result.error);
  const { id, type, source, shkeptncontext, time = receivedAt } = result.data;
  const extensions = extensionsOf(others);
  return {
    id,
    type,
    source,
    time,
    shkeptncontext,
    ...(Object.keys(extensions).length === 0 ? {} : { extensions }),
    data: dataOf(result.data),
  };
}

function parse(input: Uint8Array | string | object): object {
  let value: unknown = input;
  if (input instanceof Uint8Array || typeof input === 'string') {
    try {
      value = JSON.parse(typeof input === 'string' ? input : strictText(input));
    } catch {
      // The parser's message quotes the body, which may hold a token.
      throw new Terminal('InvalidBody', 'event: is not JSON');
    }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Terminal('InvalidBody', 'event: is not a JSON object');
  }
  return value;
}

function divide(input: object): { known: Record<string, unknown>; others: [string, unknown][] } {
  const known: Record<string, unknown> = {};
  const others: [string, unknown][] = [];
  for (const [name, value] of Object.entries(input)) {
    const lower = name.toLowerCase();
    // Go writes null for what is not there; only data may be null on purpose.
    if (value === null && lower !== 'data') continue;
    if (lower === 'data_base64') known['data_base64'] = value;
    else if (!attributeNames.has(lower)) others.push([lower, value]);
    else if (name === lower || !(lower in input)) known[lower] = value;
  }
  return { known, others };
}

function extensionsOf(others: readonly [string, unknown][]): Record<string, string> {
  const extensions: Record<string, string> = {};
  for (const [given, value] of others) {
    const name = given === 'dataschema' ? 'schemaurl' : given;
    if (!extensionName.test(name)) {
      throw new Terminal(
        'InvalidField',
        `${JSON.stringify(name.slice(0, 64))}: names of extensions are letters and digits`,
      );
    }
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
      throw new Terminal('InvalidField', `${name}: the value of an extension must be a string, a number or a boolean`);
    }
    extensions[name] = String(value);
  }
  return extensions;
}

function dataOf(event: Attributes): unknown {
  if (event.data_base64 !== undefined) return fromBase64(event.data_base64, 'data_base64', event);
  if (event.datacontentencoding === undefined || event.datacontentencoding !== 'base64') return event.data;
  const encoded = z.base64().safeParse(event.data);
  if (!encoded.success) throw new Terminal('InvalidField', 'data: must be base64, as datacontentencoding says');
  return fromBase64(encoded.data, 'data', event);
}

function fromBase64(encoded: string, field: string, event: Attributes): unknown {
  const contentType = event.datacontenttype ?? event.contenttype ?? 'application/json';
  const isJson = /^[^;]*[/+]json\s*(;|$)/i.test(contentType);
  try {
    const content = strictText(Buffer.from(encoded, 'base64'));
    return isJson ? JSON.parse(content) : content;
  } catch {
    throw new Terminal('InvalidField', `${field}: is not ${isJson ? 'JSON' : 'text'} in base64`);
  }
}

/** UTF-8 or an error, never a replacement character that would change the content unnoticed. */
function strictText(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}

/** RFC 3339 stays; what services of 0.6.2 send besides is read as far as JavaScript can. */
function toTime(value: string, context: z.RefinementCtx): string {
  if (isTime(value)) return value;
  // Go's own form: 2020-05-28 07:43:38.312 +0000 UTC m=+0.1
  const go = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?) ([+-]\d\d)(\d\d)\b/.exec(value);
  const time = Date.parse(go ? `${go[1]}T${go[2]}${go[3]}:${go[4]}` : value);
  if (!Number.isNaN(time)) return new Date(time).toISOString();
  context.addIssue({ code: 'custom', message: 'must be a time as in RFC 3339' });
  return z.NEVER;
}
