/** Asks the Bridge's server, which asks the api. What comes is checked before anything is done with it. */
import { z } from 'zod';
import { session, startSession } from './session.ts';

/** Why an answer is missing, in a sentence for people. */
export class ApiError extends Error {
  /** 0 where there was no answer at all. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Anything thrown, as what a page shows. */
export const errorOf = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));

const refused = z.object({ message: z.string() });

/** A value of `schema`; rejects with `ApiError`. */
export async function get<T>(path: string, schema: z.ZodType<T>, signal?: AbortSignal): Promise<T> {
  return read(await call(path, { signal: signal ?? null }), schema);
}

const begun = z.object({ keptnContext: z.string() });

/** Sends an event; gives its keptn context. */
export async function send(event: object): Promise<string> {
  const response = await call('/v1/event', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-csrf-token': session.value?.csrf ?? '' },
    body: JSON.stringify(event),
  });
  return (await read(response, begun)).keptnContext;
}

async function call(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, "the Bridge's server does not answer: is it running, and the network there?");
  }
}

async function read<T>(response: Response, schema: z.ZodType<T>): Promise<T> {
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok) {
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
    throw new ApiError(response.status, 'the answer has a form that this page does not know: reload it');
  }
  if (response.status === 401) await startSession();
  throw new ApiError(response.status, refused.safeParse(body).data?.message ?? `HTTP ${response.status}`);
}
