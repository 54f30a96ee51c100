/** Asks a service behind the api, and tells what it refuses as ours. */
import { z } from 'zod';
import { messageOf, Terminal, Transient } from '../errors/classes.ts';
import { withDeadline } from '../errors/deadline.ts';
import { requesting } from '../observe/http-span.ts';

const refused = z.object({ message: z.string() });
const codes: Partial<Record<number, 'InvalidBody' | 'TooLarge'>> = { 400: 'InvalidBody', 413: 'TooLarge' };

export interface Part {
  name: string;
  url: string;
  /** How long it may take. */
  ms: number;
}

/** What the part answers; rejects with `Transient` when it does not, and with `Terminal` for a 4xx. */
export async function ask<T>({ name, url, ms }: Part, schema: z.ZodType<T>, init: RequestInit = {}): Promise<T> {
  const request = { part: name, method: init.method ?? 'GET', path: new URL(url).pathname };
  const { status, body } = await withDeadline(ms, (signal) =>
    requesting(request, async (trace) => {
      const headers = { ...Object.fromEntries(new Headers(init.headers)), ...trace };
      const response = await fetch(url, { ...init, headers, signal });
      return { status: response.status, body: await response.json() };
    }),
  ).catch((error: unknown) => {
    throw new Transient(`the ${name} does not answer: ${messageOf(error)}`, { cause: error });
  });
  if (status < 400) return schema.parse(body);
  const message = refused.safeParse(body).data?.message ?? `HTTP ${status}`;
  if (status >= 500) throw new Transient(`the ${name} says: ${message}`);
  throw new Terminal(codes[status] ?? 'InvalidField', message);
}
