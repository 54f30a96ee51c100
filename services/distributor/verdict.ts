/** What the receiver's status means for the event. */

export type Meaning = 'taken' | 'refused' | 'again';

/** Temporary, though they are 4xx: timeout, too early, too many requests. */
const temporary = new Set([408, 425, 429]);
/**
 * The event itself is not wanted. Services of 0.6.2 answer 400 to every type that they do not know, and some subscribe to
 * all types: to try again would change nothing.
 */
const unwanted = new Set([400, 406, 409, 410, 415, 422]);

/** All other 4xx, such as 401 and 404, say that the address or the receiver is not right yet: somebody may mend it. */
export function meaningOf(status: number): Meaning {
  if (status >= 200 && status < 300) return 'taken';
  return unwanted.has(status) && !temporary.has(status) ? 'refused' : 'again';
}

/** Milliseconds that the receiver asks for in `Retry-After`, at most five minutes. */
export function retryAfterMs(header: string | undefined): number | undefined {
  const seconds = Number(header);
  return header === undefined || !(seconds >= 0) ? undefined : Math.min(seconds, 300) * 1000;
}
