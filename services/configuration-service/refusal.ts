/**
 * Refusals with the status and the sentence that 0.6.2's clients know: the same missing project is 404 when it is read
 * and 400 when something is written into it.
 */
import { KeptnError, Terminal } from '../../lib/errors/classes.ts';
import type { Code } from '../../lib/errors/codes.ts';

export class Refusal extends Terminal {
  readonly #status: number;

  constructor(status: number, code: Code, message: string) {
    super(code, message);
    this.#status = status;
  }

  override get status(): number {
    return this.#status;
  }
}

export const notFound = (message: string): Refusal => new Refusal(404, 'NotFound', message);

/** A write into something that is not there. */
export const noTarget = (message: string): Refusal => new Refusal(400, 'NotFound', message);

export const exists = (message: string): Refusal => new Refusal(400, 'AlreadyExists', message);

/** What to say instead of an error with this code; every other error stays as it is. */
export async function saying<T>(work: Promise<T>, instead: Partial<Record<Code, Refusal>>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw (error instanceof KeptnError && instead[error.code]) || error;
  }
}

export const isMissing = (error: unknown): boolean => error instanceof KeptnError && error.code === 'NotFound';
