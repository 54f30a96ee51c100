/** Stores messages in JetStream: each is answered after the server has it, or with `Transient`. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PubAck } from '@nats-io/jetstream';
import { errors, headers } from '@nats-io/transport-node';
import { messageOf, Terminal, Transient } from '../../errors/classes.ts';
import { Window } from '../../errors/window.ts';
import type { Link, Session } from './link.ts';
import type { Settings } from './settings.ts';
import { ensureStreams } from './streams.ts';

export interface Message {
  subject: string;
  /** Stored once, however often it is sent within the stream's window. */
  id: string;
  body: string | Uint8Array;
  headers?: Readonly<Record<string, string>>;
}

/** Until a JetStream that is not there yet is asked again. */
const NOT_THERE_MS = 100;

export class Publisher {
  readonly #link: Link;
  readonly #window: Window;
  readonly #settings: Settings;

  constructor(link: Link, settings: Settings) {
    this.#link = link;
    this.#window = new Window(settings.inFlight, 'the bus');
    this.#settings = settings;
  }

  publish(message: Message): Promise<PubAck> {
    const deadline = Date.now() + this.#settings.publishTimeoutMs;
    return this.#window.run(deadline, async () => {
      for (;;) {
        const session = await this.#link.ready(deadline);
        try {
          return await this.#send(session, message, deadline);
        } catch (error) {
          if (error instanceof Terminal) throw error;
          // Nobody took it, so it is not stored, and may be sent again. Any other failure leaves that open: the
          // caller decides, and the id keeps it from being stored twice.
          if (nobodyTookIt(error) && Date.now() + NOT_THERE_MS < deadline) {
            await sleep(NOT_THERE_MS);
            // Or somebody deleted the stream. A failure shows in the next try.
            await ensureStreams(session.jsm, this.#settings).catch(() => undefined);
            continue;
          }
          throw new Transient(`NATS did not confirm the event ${message.id}: ${messageOf(error)}`, { cause: error });
        }
      }
    });
  }

  #send(session: Session, message: Message, deadline: number): Promise<PubAck> {
    const { subject, id, body } = message;
    const limit = session.nc.info?.max_payload ?? Infinity;
    const size = Buffer.byteLength(body);
    if (size > limit) throw new Terminal('TooLarge', `the event has ${size} bytes, NATS takes at most ${limit}`);
    const options = { msgID: id, timeout: Math.max(1, deadline - Date.now()) };
    const extra = headers();
    for (const [name, value] of Object.entries(message.headers ?? {})) extra.set(name, value);
    const stored = session.js.publish(subject, body, { ...options, headers: extra });
    // The client library waits for the answer even when the connection is gone.
    return new Promise((resolve, reject) => {
      const forget = session.onLost(() => reject(new Transient('the connection was lost')));
      stored.then(resolve, reject).finally(forget);
    });
  }
}

function nobodyTookIt(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof errors.RequestError && error.cause.isNoResponders();
}
