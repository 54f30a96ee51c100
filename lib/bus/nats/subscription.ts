/**
 * One subscription on JetStream: stays attached to its consumer over restarts of NATS and losses of the consumer. What
 * comes is in the hands of deliveries.ts, who handles it is decided in peers.ts, what becomes of it in decide.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConsumerMessages, JsMsg } from '@nats-io/jetstream';
import { messageOf } from '../../errors/classes.ts';
import { backoffMs } from '../backoff.ts';
import { deadLetterId } from '../dead-letter.ts';
import { decide, type Decision } from '../decide.ts';
import type { SubscriptionSettings } from '../options.ts';
import { deadLetterSubject, type Delivery, type Handler, type Subscription, type SubscriptionHealth } from '../port.ts';
import { ensureConsumer, PIN_GROUP, stateOf, type ConsumerState, type Position } from './consumer.ts';
import type { Content, StoredMessage } from './content.ts';
import { Deliveries } from './deliveries.ts';
import { deadLetterHeaders } from './headers.ts';
import type { Link, Session } from './link.ts';
import { Peers } from './peers.ts';
import type { Publisher } from './publisher.ts';
import type { Settings } from './settings.ts';
import { ensureStreams, streamOf } from './streams.ts';

/** Well below the time after which the server takes a process that does not ask for gone. */
const PULL_EXPIRES_MS = 2_000;
const PULL_BYTES = 8 * 1024 * 1024;
/** Two missed ones, and the consumer is attached anew. */
const HEARTBEAT_MS = 1_000;
/** How often the position is read, which is where a lost consumer is made again. */
const POSITION_MS = 10_000;
const ATTACH_MS = 10_000;
const attachBackoff = { firstMs: 100, maxMs: 5_000 };

export interface Parts {
  link: Link;
  publisher: Publisher;
  settings: Settings;
}

export class NatsSubscription implements Subscription {
  readonly #parts: Parts;
  readonly #settings: SubscriptionSettings;
  readonly #deliveries: Deliveries;
  readonly #peers: Peers;
  readonly #stopping = new AbortController();
  readonly #first = Promise.withResolvers<void>();
  readonly #running: Promise<void>;
  /** What is in work when the subscription is stopped. */
  #ending: Promise<void> | undefined;
  #messages: ConsumerMessages | undefined;
  #position: Position | undefined;
  #heardAt = Date.now();

  constructor(parts: Parts, settings: SubscriptionSettings, handle: Handler) {
    this.#parts = parts;
    this.#settings = settings;
    this.#peers = new Peers(parts.link, settings, handle, () => this.#deliveries.holding);
    this.#deliveries = new Deliveries({
      link: parts.link,
      settings: parts.settings,
      subscription: settings,
      decide: (content, delivery, message) => this.#decide(content, delivery, message),
      state: () => this.#state(),
      othersHold: () => this.#peers.othersHold(),
      tell: () => this.#peers.tell(),
    });
    this.#running = this.#run();
  }

  /** Resolves when the durable is there for the first time, or after `ms`. */
  async attached(ms: number): Promise<void> {
    await Promise.race([this.#first.promise, sleep(ms, undefined, { ref: false })]);
  }

  health(): SubscriptionHealth {
    const quietSeconds = Math.round((Date.now() - this.#heardAt) / 1000);
    const attached = this.#messages !== undefined;
    return { durable: this.#settings.durable, attached, quietSeconds, pending: this.#position?.pending };
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#ending = this.#end();
    await this.#ending;
    await this.#running;
    const { link } = this.#parts;
    await link.session?.nc.flush().catch(() => undefined);
    // Another process need not wait until the server notices that we are gone.
    const { space, durable, lasting } = this.#settings;
    if (!lasting) await link.session?.jsm.consumers.delete(streamOf[space], durable).catch(() => undefined);
    else await link.session?.jsm.consumers.unpin(streamOf[space], durable, PIN_GROUP).catch(() => undefined);
  }

  async #end(): Promise<void> {
    this.#messages?.stop();
    // The server has to know before the last verdict is given: it would send the next message at once.
    await this.#parts.link.session?.nc.flush().catch(() => undefined);
    await Promise.all([this.#deliveries.stop(), this.#peers.leave()]);
    this.#peers.tell();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const { log } = this.#parts.settings;
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      try {
        const session = await this.#parts.link.ready(Date.now() + ATTACH_MS);
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
    const { durable, space } = this.#settings;
    // Both may have gone in the meantime; for a consumer that is still there this only asks.
    await ensureStreams(session.jsm, this.#parts.settings);
    await this.#ensureConsumer(session);
    const consumer = await session.js.consumers.get(streamOf[space], durable);
    if (session.lost || this.#stopping.signal.aborted) return;
    this.#deliveries.acknowledgeAgain((subject, answer) => session.nc.publish(subject, answer));
    const detach = await this.#peers.attach(session.nc);
    const options = {
      group: PIN_GROUP,
      // Many large ones at once, and the server would cut the connection of who is slow to read them.
      max_bytes: PULL_BYTES,
      expires: PULL_EXPIRES_MS,
      idle_heartbeat: HEARTBEAT_MS,
      abort_on_missing_resource: true,
      callback: (message: JsMsg) => {
        this.#heardAt = Date.now();
        this.#deliveries.take(message);
      },
    };
    const messages = await consumer.consume(options);
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
      // What others are doing for us, and we for them, ends first.
      await this.#ending;
      detach();
    }
  }

  async #listen(messages: ConsumerMessages): Promise<void> {
    for await (const { type } of messages.status()) {
      if (type === 'heartbeat') this.#heardAt = Date.now();
      if (type === 'consumer_unpinned') this.#deliveries.unpinned();
      if (type !== 'heartbeats_missed' && type !== 'no_responders') continue;
      this.#parts.settings.log.warn({ durable: this.#settings.durable, reason: type }, 'consumer went silent');
      messages.stop();
    }
  }

  async #readPosition(session: Session, messages: ConsumerMessages): Promise<void> {
    try {
      await this.#ensureConsumer(session);
      this.#deliveries.checkPin(await this.#state());
    } catch {
      messages.stop();
    }
  }

  async #ensureConsumer(session: Session): Promise<void> {
    const position = await ensureConsumer(session.jsm, this.#settings, this.#position);
    // In a stream that was made anew these are other events.
    if (position.stream !== this.#position?.stream) this.#deliveries.forgetAcknowledged();
    this.#position = position;
  }

  async #state(): Promise<ConsumerState> {
    const { jsm } = await this.#parts.link.ready(Date.now() + ATTACH_MS);
    return stateOf(jsm, this.#settings);
  }

  async #decide(content: Content, delivery: Delivery, message: StoredMessage): Promise<Decision> {
    const { backoff, log } = this.#parts.settings;
    const { durable, space } = this.#settings;
    const { event } = content;
    let decision: Decision;
    if ('unreadable' in content && space === 'events') {
      decision = { kind: 'dead', reason: content.unreadable };
      log.error({ durable, subject: message.subject, at: message.timestamp, reason: content.unreadable }, 'no event');
    } else {
      const rules = { settings: this.#settings, backoff, log };
      decision = await decide((given) => this.#peers.run(message, given), delivery, rules);
    }
    if (decision.kind !== 'dead') return decision;
    try {
      await this.#parts.publisher.publish({
        subject: deadLetterSubject(message.subject),
        id: deadLetterId(durable, event.id),
        body: message.data,
        headers: deadLetterHeaders({ reason: decision.reason, durable, attempts: delivery.attempt }),
      });
      return decision;
    } catch (error) {
      return { kind: 'retry', afterMs: backoffMs(delivery.attempt, backoff), reason: messageOf(error) };
    }
  }
}
