/**
 * Errors carry their handling: `Transient` is retried with backoff, `Waiting` until another object is there,
 * `Terminal` not before somebody changes something. What is none of these is treated as Transient and logged
 * with its stack, because it is a bug or an unforeseen failure.
 */
import { codes, type Code } from './codes.ts';

export abstract class KeptnError extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }

  /** HTTP status that a service answers with. */
  get status(): number {
    return codes[this.code].status;
  }
}

/** The same call may succeed later: network, restart, timeout. */
export class Transient extends KeptnError {
  constructor(message: string, options?: ErrorOptions) {
    super('Unavailable', message, options);
  }
}

/** Something else has to come first; `message` says what. */
export class Waiting extends KeptnError {
  /** Where it is known when it will have come. */
  readonly afterMs: number | undefined;

  constructor(code: Code, message: string, options?: ErrorOptions & { afterMs?: number }) {
    super(code, message, options);
    this.afterMs = options?.afterMs;
  }
}

/** Nothing changes until a person does; `message` is a sentence for that person. */
export class Terminal extends KeptnError {}

/** True for an error of Node or of the system with this code, such as ENOENT. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // fetch says 'fetch failed' and keeps why in its cause, which has but a code when each of several addresses failed.
  if (error.message === 'fetch failed' && error.cause instanceof Error) return messageOf(error.cause);
  return error.message || ('code' in error ? String(error.code) : error.name);
}
