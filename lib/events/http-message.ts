/**
 * What came in an HTTP request: the fields of a CloudEvent, structured or in binary mode, or another body. Nothing is
 * checked here but that the body is JSON where it has to be: decode.ts reads the fields.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { Terminal } from '../errors/classes.ts';

export type HttpMessage = { kind: 'event'; fields: Record<string, unknown> } | { kind: 'other'; body: unknown };

export function httpMessage(headers: IncomingHttpHeaders, body: Buffer): HttpMessage {
  if (headers['ce-specversion'] !== undefined) return { kind: 'event', fields: binaryFields(headers, body) };
  const content = parse(body);
  if (isRecord(content) && 'specversion' in content) return { kind: 'event', fields: content };
  return { kind: 'other', body: content };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Binary mode: attributes in headers, the body is the data. */
function binaryFields(headers: IncomingHttpHeaders, body: Buffer): Record<string, unknown> {
  const entries = Object.entries(headers)
    .filter(([name]) => name.startsWith('ce-'))
    .map(([name, value]): [string, unknown] => [name.slice(3), decoded(String(value))]);
  const contentType = headers['content-type'] ?? 'application/json';
  const fields = Object.fromEntries([...entries, ['datacontenttype', contentType]]);
  if (body.length === 0) return fields;
  if (/^[^;]*[/+]json\s*(;|$)/i.test(contentType)) return { ...fields, data: parse(body) };
  return { ...fields, data_base64: body.toString('base64') };
}

/** Header values are percent-encoded where they are not ASCII. */
function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    // The parser's message quotes the body, which may hold a token.
    throw new Terminal('InvalidBody', 'the body is not JSON');
  }
}
