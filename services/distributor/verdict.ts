/** What the receiver's status means for the event. */

export type Meaning = 'taken' | 'refused' | 'again';

/**
 * The event itself is not wanted. Services of 0.6.2 answer 400 to every type that they do not know, and some subscribe to
 * all types: to try again would change nothing.
 */
const unwanted = new Set([400, 406, 409, 410, 415, 422]);

/** All other 4xx may pass: 408, 425 and 429 by themselves; 401, 404 and the like when somebody mends address or receiver. */
export function meaningOf(status: number): Meaning {
  if (status >= 200 && status < 300) return 'taken';
  return unwanted.has(status) ? 'refused' : 'again';
}

/** Milliseconds that the receiver asks for in `Retry-After`, at most five minutes. */
export function retryAfterMs(header: string | undefined): number | undefined {
  const seconds = Number(header);
  return header === undefined || !(seconds >= 0) ? undefined : Math.min(seconds, 300) * 1000;
}
