/** Dead letters: their ids, and the event that stands for a message that nobody could read. */
import type { KeptnEvent } from '../events/event.ts';
import { idOf } from '../events/id.ts';
import { decodeEvent } from '../events/codec.ts';
import { messageOf } from '../errors/classes.ts';

/** One durable gives an event up once, however often it says so. */
export function deadLetterId(durable: string, eventId: string): string {
  return `dead/${durable}/${eventId}`;
}

export type Read = { event: KeptnEvent } | { event: KeptnEvent; unreadable: string };

/** The event in a stored message; one that carries the bytes as they are when they are none, and why. */
export function read(subject: string, body: Uint8Array, storedAt: string): Read {
  try {
    return { event: decodeEvent(body, storedAt) };
  } catch (error) {
    const id = idOf(subject, storedAt, Buffer.from(body).toString('base64'));
    const data = { base64: Buffer.from(body).toString('base64') };
    const event = { id, type: subject, source: 'bus', time: storedAt, shkeptncontext: id, data };
    return { event, unreadable: messageOf(error) };
  }
}
