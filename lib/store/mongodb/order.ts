/**
 * The place of a document in the order of its list, as one text that sorts: its time, then when it arrived. One text needs
 * one column in each index and one comparison behind a cursor.
 */
import { randomBytes } from 'node:crypto';

/** Added to a time, so that years from 0000 to 9999 are positive numbers of ten digits. */
const OFFSET = 100_000_000_000_000;
const digits = (n: number, width: number): string => n.toString(36).padStart(width, '0');

/** Sorts as the time (milliseconds since 1970) does, before every order of that time. */
export function stampOf(time: number): string {
  return digits(time + OFFSET, 10);
}

/** Sorts behind every order of the time of this stamp. */
export const behind = (stamp: string): string => `${stamp}~`;

export class Arrivals {
  // Two processes that write at one moment must not give one place twice.
  readonly #process = randomBytes(4).toString('hex');
  #last = 0;

  /** The order of what arrives now. */
  next(time: number): string {
    // A thousand for each millisecond; a clock that goes back does not turn the order round.
    this.#last = Math.max(this.#last + 1, Date.now() * 1000);
    return `${stampOf(time)}${digits(this.#last, 11)}${this.#process}`;
  }
}
