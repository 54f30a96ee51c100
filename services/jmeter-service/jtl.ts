/** JMeter's CSV of results, its JTL: read as a stream, and written by the http runner for the same tools. */
import { createReadStream } from 'node:fs';
import { z } from 'zod';
import { Terminal } from '../../lib/errors/classes.ts';
import type { Sample } from './measure.ts';

const columns = ['timeStamp', 'elapsed', 'label', 'responseCode', 'threadName', 'success', 'failureMessage', 'URL'];
export const header = `${columns.join(',')}\n`;

export function lineOf({ startedAt, elapsedMs, label, code, thread, success, reason, url }: Sample): string {
  return `${[startedAt, elapsedMs, label, code, thread, success, reason, url].map(quoted).join(',')}\n`;
}

function quoted(value: unknown): string {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const number = z.string().regex(/^\d+$/).transform(Number);
const rowSchema = z.object({
  timeStamp: number,
  elapsed: number,
  label: z.string().default(''),
  responseCode: z.string().default(''),
  responseMessage: z.string().default(''),
  threadName: z.string().default(''),
  success: z.enum(['true', 'false']),
  failureMessage: z.string().default(''),
  URL: z.string().default(''),
});

export async function* samplesIn(file: string): AsyncGenerator<Sample> {
  let names: string[] | undefined;
  for await (const fields of rowsIn(file)) {
    if (names === undefined) {
      names = fields;
      continue;
    }
    const row = rowSchema.safeParse(Object.fromEntries(names.map((name, nth) => [name, fields[nth]])));
    if (!row.success) throw new Terminal('InvalidField', 'JMeter wrote results that cannot be read');
    const { data } = row;
    const code = `${data.responseCode} ${data.responseMessage}`.trim();
    yield {
      startedAt: data.timeStamp,
      elapsedMs: data.elapsed,
      label: data.label,
      success: data.success === 'true',
      code,
      reason: data.success === 'true' ? '' : data.failureMessage.trim().replace(/\s+/g, ' ') || code,
      thread: data.threadName,
      url: data.URL,
    };
  }
}

/** Fields may have commas, quotes (doubled) and ends of lines between quotes. */
async function* rowsIn(file: string): AsyncGenerator<string[]> {
  let fields: string[] = [];
  let field = '';
  let inQuotes = false;
  let justClosed = false;
  const chunks: AsyncIterable<string> = createReadStream(file, { encoding: 'utf8' });
  for await (const chunk of chunks) {
    for (const char of chunk) {
      // A doubled quote ends the quotes and begins them again.
      if (char === '"') {
        if (justClosed) field += '"';
        justClosed = inQuotes;
        inQuotes = !inQuotes;
        continue;
      }
      justClosed = false;
      if (inQuotes || (char !== ',' && char !== '\n')) {
        field += char;
      } else {
        fields.push(field.replace(/\r$/, ''));
        field = '';
        if (char === ',') continue;
        yield fields;
        fields = [];
      }
    }
  }
  // A last line without an end was cut, when JMeter was killed.
}
