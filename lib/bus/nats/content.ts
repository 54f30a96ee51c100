/** What a stored message says: its event, or why there is none in it, and for a dead letter why it is one. */
import type { MsgHdrs } from '@nats-io/transport-node';
import { read, type Read } from '../dead-letter.ts';
import type { DeadLetter, Delivery } from '../port.ts';
import { deadLetterOf } from './headers.ts';
import { deadSubjects } from './streams.ts';

export type Content = Read & { dead?: DeadLetter };

export interface StoredMessage {
  subject: string;
  data: Uint8Array;
  /** When it was stored. */
  timestamp: string;
  headers: MsgHdrs | undefined;
}

/** A message in this process, with what it says. */
export interface Loaded {
  message: StoredMessage;
  content: Content;
}

export function contentOf({ subject, data, timestamp, headers }: StoredMessage): Content {
  const content = read(subject, data, timestamp);
  return subject.startsWith(deadSubjects) ? { ...content, dead: deadLetterOf(headers) } : content;
}

export function deliveryOf({ event, dead }: Content, attempt: number): Delivery {
  return { event, attempt, ...(dead ? { dead } : {}) };
}
