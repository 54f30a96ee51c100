/**
 * One subscription on JetStream: stays attached to its consumer over restarts of NATS and losses of the consumer, and
 * brings each message to its verdict. What becomes of a message is decided in decide.ts, here it is carried out.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConsumerMessages, JsMsg } from '@nats-io/jetstream';
import { messageOf } from '../../errors/classes.ts';
import { backoffMs } from '../backoff.ts';
import { deadLetterId, read } from '../dead-letter.ts';
import { decide, type Decision } from '../decide.ts';
import type { SubscriptionSettings } from '../options.ts';
import { deadLetterSubject, type Handler, type Subscription, type SubscriptionHealth } from '../port.ts';
import { ensureConsumer, type Position } from './consumer.ts';
import { deadLetterHeaders, deadLetterOf } from './headers.ts';
import type { Link, Session } from './link.ts';
import type { Publisher } from './publisher.ts';
import type { Settings } from './settings.ts';
import { ensureStreams, streamOf } from './streams.ts';

const PULL_EXPIRES_MS = 10_000;
/** Two missed ones, and the consumer is attached anew. */
const HEARTBEAT_MS = 2_000;
/** How often the position is read, which is where a lost consumer is made again. */
const POSITION_MS = 10_000;
/** Acknowledgements that are sent again after a lost connection. */
const REMEMBERED = 1_000;
const ACK = '+ACK';
const attachBackoff = { firstMs: 100, maxMs: 5_000 };

export interface Parts {
  link: Link;
  publisher: Publisher;
  settings: Settings;
}

export class NatsSubscription implements Subscription {
  readonly #parts: Parts;
  readonly #settings: SubscriptionSettings;
  readonly #handle: Handler;
  readonly #stopping = new AbortController();
  /** The newest delivery of a message is the one to answer. */
  readonly #inWork = new Map<string, { message: JsMsg; done: Promise<void> }>();
  readonly #first = Promise.withResolvers<void>();
  readonly #running: Promise<void>;
  /** Where the last acknowledgements went, by sequence. */
  readonly #acknowledged = new Map<number, string>();
  #messages: ConsumerMessages | undefined;
  #position: Position | undefined;
  #heardAt = Date.now();

  constructor(parts: Parts, settings: SubscriptionSettings, handle: Handler) {
    this.#parts = parts;
    this.#settings = settings;
    this.#handle = handle;
    this.#running = this.#run();
  }

  /** Resolves when the durable is there for the first time, or after `ms`. */
  async attached(ms: number): Promise<void> {
    await Promise.race([this.#first.promise, sleep(ms, undefined, { ref: false })]);
  }

  health(): SubscriptionHealth {
    const quietSeconds = Math.round((Date.now() - this.#heardAt) / 1000);
    return { durable: this.#settings.durable, attached: this.#messages !== undefined, quietSeconds };
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#messages?.stop();
    // The server has to know before the last verdict is given: it would send the next message at once.
    await this.#parts.link.session?.nc.flush().catch(() => undefined);
    await Promise.all([...this.#inWork.values()].map(({ done }) => done));
    await this.#running;
    await this.#parts.link.session?.nc.flush().catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const { log } = this.#parts.settings;
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      try {
        const session = await this.#parts.link.ready(Date.now() + PULL_EXPIRES_MS);
        await this.#attach(session, () => (attempt = 1));
      } catch (error) {
        if (signal.aborted) return;
        log.warn({ durable: this.#settings.durable, reason: messageOf(error) }, 'subscription is not attached');
      }
      await sleep(backoffMs(attempt, attachBackoff), undefined, { signal }).catch(() => undefined);
    }
  }

  /** Takes messages until the connection or the consumer is lost, or the subscription stops. */
  async #attach(session: Session, onAttached: () => void): Promise<void> {
    const { durable, space, concurrency } = this.#settings;
    // Both may have gone in the meantime; for a consumer that is still there this only asks.
    await ensureStreams(session.jsm, this.#parts.settings);
    await this.#ensureConsumer(session);
    const consumer = await session.js.consumers.get(streamOf[space], durable);
    if (session.lost || this.#stopping.signal.aborted) return;
    // A server that was killed may have forgotten the last of them, and would hold its place until ackWait is over.
    for (const reply of this.#acknowledged.values()) session.nc.publish(reply, ACK);
    const messages = await consumer.consume({
      // More than may be in work: there is always a request open, and the consumer's own limit holds the rest back.
      max_messages: concurrency * 2 + 8,
      expires: PULL_EXPIRES_MS,
      idle_heartbeat: HEARTBEAT_MS,
      abort_on_missing_resource: true,
      callback: (message) => this.#take(message),
    });
    const forget = session.onLost(() => messages.stop());
    const watch = setInterval(() => void this.#readPosition(session, messages), POSITION_MS);
    this.#messages = messages;
    this.#heardAt = Date.now();
    this.#first.resolve();
    onAttached();
    try {
      if (this.#stopping.signal.aborted) messages.stop();
      void this.#listen(messages);
      const error = await messages.closed();
      if (error) throw error;
    } finally {
      clearInterval(watch);
      forget();
      this.#messages = undefined;
    }
  }

  async #listen(messages: ConsumerMessages): Promise<void> {
    for await (const { type } of messages.status()) {
      if (type === 'heartbeat') this.#heardAt = Date.now();
      if (type !== 'heartbeats_missed' && type !== 'no_responders') continue;
      this.#parts.settings.log.warn({ durable: this.#settings.durable, reason: type }, 'consumer went silent');
      messages.stop();
    }
  }

  async #readPosition(session: Session, messages: ConsumerMessages): Promise<void> {
    try {
      await this.#ensureConsumer(session);
    } catch {
      messages.stop();
    }
  }

  async #ensureConsumer(session: Session): Promise<void> {
    const position = await ensureConsumer(session.jsm, this.#settings, this.#position);
    // In a stream that was made anew these sequences are other events.
    if (position.stream !== this.#position?.stream) this.#acknowledged.clear();
    this.#position = position;
  }

  #take(message: JsMsg): void {
    this.#heardAt = Date.now();
    if (this.#stopping.signal.aborted) {
      message.nak();
      return;
    }
    // The time as well: a stream that was made anew counts from one again.
    const key = `${message.seq}/${message.info.timestampNanos}`;
    const running = this.#inWork.get(key);
    if (running) {
      // The server missed our heartbeats while the connection was down; the handler is still at it.
      running.message = message;
      return;
    }
    const work = { message, done: Promise.resolve() };
    this.#inWork.set(key, work);
    work.done = this.#bringToVerdict(message.seq, work).finally(() => this.#inWork.delete(key));
  }

  async #bringToVerdict(seq: number, work: { message: JsMsg }): Promise<void> {
    const { log } = this.#parts.settings;
    const heartbeat = setInterval(() => this.#answer(() => work.message.working()), this.#settings.ackWaitMs / 3);
    try {
      const decision = await this.#decide(work.message);
      // An answer that is given while the connection is down would be lost, and the event come again.
      await this.#parts.link.ready(Date.now() + this.#settings.ackWaitMs);
      if (decision.kind === 'retry') this.#answer(() => work.message.nak(decision.afterMs));
      else this.#acknowledge(seq, work.message);
    } catch (error) {
      // No answer: the server gives it again after ackWait.
      log.warn(
        { durable: this.#settings.durable, seq, reason: messageOf(error) },
        'event is left for another delivery',
      );
    } finally {
      clearInterval(heartbeat);
    }
  }

  async #decide(message: JsMsg): Promise<Decision> {
    const { backoff, log } = this.#parts.settings;
    const { durable, space } = this.#settings;
    const attempt = message.info.deliveryCount;
    const stored = read(message.subject, message.data, message.timestamp);
    const { event } = stored;
    let decision: Decision;
    if ('unreadable' in stored && space === 'events') {
      decision = { kind: 'dead', reason: stored.unreadable };
      log.error({ durable, subject: message.subject, seq: message.seq, reason: stored.unreadable }, 'no event');
    } else {
      const dead = space === 'dead' ? { dead: deadLetterOf(message.headers) } : {};
      decision = await decide(this.#handle, { event, attempt, ...dead }, { settings: this.#settings, backoff, log });
    }
    if (decision.kind !== 'dead') return decision;
    try {
      await this.#parts.publisher.publish({
        subject: deadLetterSubject(message.subject),
        id: deadLetterId(durable, event.id),
        body: message.data,
        headers: deadLetterHeaders({ reason: decision.reason, durable, attempts: attempt }),
      });
      return decision;
    } catch (error) {
      return { kind: 'retry', afterMs: backoffMs(attempt, backoff), reason: messageOf(error) };
    }
  }

  #acknowledge(seq: number, message: JsMsg): void {
    this.#answer(() => message.ack());
    const reply = replyOf(message);
    if (reply !== undefined) this.#acknowledged.set(seq, reply);
    const [oldest] = this.#acknowledged.keys();
    if (this.#acknowledged.size > REMEMBERED && oldest !== undefined) this.#acknowledged.delete(oldest);
  }

  #answer(send: () => void): void {
    try {
      send();
    } catch {
      // The connection is closed: the server gives the event again.
    }
  }
}

/** The subject that an acknowledgement goes to: the library has it and does not declare it. */
function replyOf(message: JsMsg): string | undefined {
  return 'reply' in message && typeof message.reply === 'string' ? message.reply : undefined;
}
