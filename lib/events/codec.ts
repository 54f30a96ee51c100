/**
 * Events as bytes: structured JSON of CloudEvents 0.2, which is what is stored, put on NATS and sent to services of
 * 0.6.2. Reading takes 0.2, 0.3 and 1.0 (decode.ts); writing 1.0 is in codec-10.ts.
 */
import { Terminal } from '../errors/classes.ts';
import { sendable } from './attributes.ts';
import type { KeptnEvent } from './event.ts';
import { invalid } from './invalid.ts';

export { decodeEvent } from './decode.ts';

export type Envelope = Readonly<Record<string, unknown>>;

/** The event with exactly the fields of 0.2; extensions stand at the top level. */
export function envelope02(event: KeptnEvent): Envelope {
  checkSendable(event);
  return {
    specversion: '0.2',
    type: event.type,
    source: event.source,
    id: event.id,
    time: event.time,
    contenttype: 'application/json',
    shkeptncontext: event.shkeptncontext,
    ...event.extensions,
    data: event.data,
  };
}

/** The structured 0.2 JSON of an event. */
export function encodeEvent(event: KeptnEvent): string {
  return toJson(envelope02(event));
}

/** Refuses, with the field's name, an event that a receiver could not read back. */
export function checkSendable(event: KeptnEvent): void {
  const result = sendable.safeParse(event);
  if (!result.success) throw invalid(result.error);
}

/** JSON of an envelope; data that JSON cannot say is the sender's mistake, told without the data itself. */
export function toJson(envelope: Envelope): string {
  try {
    return JSON.stringify(envelope);
  } catch (error) {
    throw new Terminal('InvalidField', 'data: cannot be written as JSON', { cause: error });
  }
}
