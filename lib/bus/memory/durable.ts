/**
 * One durable of the in-process bus: hands the records of the log that it wants to its subscribers, as many at once
 * as it may and in order for each context, and keeps each until it has its verdict.
 */
import { messageOf } from '../../errors/classes.ts';
import type { KeptnEvent } from '../../events/event.ts';
import type { Logger } from '../../observe/log.ts';
import { backoffMs, type Backoff } from '../backoff.ts';
import { deadLetterId, read } from '../dead-letter.ts';
import { decide, type Decision } from '../decide.ts';
import { matches } from '../filter.ts';
import { laneOf, Lanes } from '../lanes.ts';
import { windowOf, type SubscriptionSettings } from '../options.ts';
import { deadLetterSubject, type Handler, type SubscriptionHealth } from '../port.ts';
import type { Cursor } from './cursor.ts';
import type { Log } from './log.ts';
import type { Entry, Stored } from './segment.ts';

export interface Parts {
  log: Log;
  logger: Logger;
  backoff: Backoff;
}

/** An event that is larger is read when it is its turn. */
const FOLLOWING_BYTES = 64 * 1024;

interface Subscriber {
  handle: Handler;
  /** The deliveries that it has in work. */
  running: Set<Promise<unknown>>;
}

interface Piece {
  lane: string;
  seq: number;
  bytes: number;
  entry: Entry;
}

export class Durable {
  readonly cursor: Cursor;
  readonly #parts: Parts;
  #settings: SubscriptionSettings;
  readonly #subscribers = new Set<Subscriber>();
  #lanes: Lanes<Piece>;
  /** While the last subscriber ends its work: a new one begins after it. */
  #ending: Promise<void> | undefined;
  /** Records without a verdict up to #at, in ascending order. */
  readonly #open = new Set<number>();
  /** The last record that was looked at. */
  #at: number;

  constructor(parts: Parts, settings: SubscriptionSettings, cursor: Cursor) {
    this.#parts = parts;
    this.#settings = settings;
    this.cursor = cursor;
    this.#at = cursor.floor;
    this.#lanes = this.#newLanes();
  }

  /** Adds a subscriber; gives back how to stop it. The settings of the newest are in force. */
  add(settings: SubscriptionSettings, handle: Handler): () => Promise<void> {
    const subscriber: Subscriber = { handle, running: new Set() };
    this.#subscribers.add(subscriber);
    this.#settings = settings;
    this.#lanes.size = settings.concurrency;
    this.pump();
    return () => this.#remove(subscriber);
  }

  health(): SubscriptionHealth {
    // There is no connection that could fall silent.
    return { durable: this.#settings.durable, attached: this.attached, quietSeconds: 0 };
  }

  get attached(): boolean {
    return this.#subscribers.size > 0;
  }

  /** Puts into the lanes what there is room for. */
  pump(): void {
    while (this.attached && !this.#ending && this.#open.size < windowOf(this.#settings)) {
      const entry = this.#parts.log.after(this.#at);
      if (entry === undefined) break;
      this.#at = entry.seq;
      const wanted = this.#settings.filters.some((filter) => matches(filter, entry.subject));
      if (!wanted || this.cursor.isDone(entry.seq)) continue;
      this.#open.add(entry.seq);
      const lane = laneOf(entry.context, this.#settings.concurrency);
      this.#lanes.add({ lane, seq: entry.seq, bytes: entry.length, entry });
    }
    this.#raise();
  }

  #newLanes(): Lanes<Piece> {
    return new Lanes(this.#settings.concurrency, (piece) => this.#bringToVerdict(piece));
  }

  async #remove(subscriber: Subscriber): Promise<void> {
    this.#subscribers.delete(subscriber);
    if (!this.attached) {
      this.#ending ??= this.#end();
      await this.#ending;
    }
    await Promise.all(subscriber.running);
  }

  /** What is left is looked at again by the next subscriber. */
  async #end(): Promise<void> {
    await this.#lanes.stop();
    this.#raise();
    this.#open.clear();
    this.#at = this.cursor.floor;
    this.#lanes = this.#newLanes();
    this.#ending = undefined;
    this.pump();
  }

  /** Gives the milliseconds until the next try, if there is to be one. */
  async #bringToVerdict(piece: Piece): Promise<number | undefined> {
    const { entry } = piece;
    // In turn: the one that had the last is the last.
    const [subscriber] = this.#subscribers;
    if (subscriber === undefined) return 0;
    this.#subscribers.delete(subscriber);
    this.#subscribers.add(subscriber);
    const deciding = this.#decide(piece, subscriber.handle);
    subscriber.running.add(deciding);
    try {
      const decision = await deciding;
      if (decision.kind === 'retry') return decision.afterMs;
      this.cursor.finish(entry.seq);
      this.#open.delete(entry.seq);
      this.pump();
      return undefined;
    } catch (error) {
      this.#parts.logger.error({ err: error, durable: this.#settings.durable, seq: entry.seq }, 'delivery failed');
      return backoffMs(1, this.#parts.backoff);
    } finally {
      subscriber.running.delete(deciding);
    }
  }

  async #decide(piece: Piece, handle: Handler): Promise<Decision> {
    const { entry } = piece;
    const { log, logger, backoff } = this.#parts;
    const settings = this.#settings;
    const stored = await log.read(entry);
    const attempt = this.cursor.begin(entry.seq);
    const content = read(entry.subject, stored.body, stored.at);
    let decision: Decision;
    if ('unreadable' in content && settings.space === 'events') {
      logger.error({ durable: settings.durable, seq: entry.seq, reason: content.unreadable }, 'no event');
      decision = { kind: 'dead', reason: content.unreadable };
    } else {
      const dead = stored.dead ? { dead: stored.dead } : {};
      const delivery = { event: content.event, attempt, ...dead, following: () => this.#following(piece) };
      decision = await decide(handle, delivery, { settings, backoff, log: logger });
    }
    if (decision.kind !== 'dead') return decision;
    return this.#bury(entry, stored, content.event.id, { ...decision, attempt });
  }

  /** Up to the first that is large. */
  async #following(piece: Piece): Promise<KeptnEvent[]> {
    const events: KeptnEvent[] = [];
    for (const { entry, bytes } of this.#lanes.behind(piece)) {
      if (bytes > FOLLOWING_BYTES) break;
      const { body, at } = await this.#parts.log.read(entry);
      const content = read(entry.subject, body, at);
      if ('unreadable' in content) break;
      events.push(content.event);
    }
    return events;
  }

  async #bury(
    entry: Entry,
    stored: Stored,
    eventId: string,
    why: { reason: string; attempt: number },
  ): Promise<Decision> {
    const { durable } = this.#settings;
    const subject = deadLetterSubject(entry.subject);
    const dead = { reason: why.reason, durable, attempts: why.attempt };
    const id = deadLetterId(durable, eventId);
    try {
      await this.#parts.log.append({ id, subject, context: entry.context, body: stored.body, dead });
      return { kind: 'ack' };
    } catch (error) {
      return { kind: 'retry', afterMs: backoffMs(why.attempt, this.#parts.backoff), reason: messageOf(error) };
    }
  }

  /** Nothing is open before the oldest that has no verdict, or up to where was looked. */
  #raise(): void {
    const [oldest] = this.#open;
    this.cursor.raise((oldest ?? this.#at + 1) - 1);
  }
}
