/**
 * One durable of the in-process bus: hands the records of the log that it wants to its subscribers, as many at once
 * as it may, and keeps each until it has its verdict.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../errors/classes.ts';
import type { Logger } from '../../observe/log.ts';
import { backoffMs, type Backoff } from '../backoff.ts';
import { deadLetterId, read } from '../dead-letter.ts';
import { decide, type Decision } from '../decide.ts';
import { matches } from '../filter.ts';
import type { SubscriptionSettings } from '../options.ts';
import { deadLetterSubject, type Handler, type SubscriptionHealth } from '../port.ts';
import type { Cursor } from './cursor.ts';
import type { Log } from './log.ts';
import type { Entry, Stored } from './segment.ts';

export interface Parts {
  log: Log;
  logger: Logger;
  backoff: Backoff;
}

interface Subscriber {
  handle: Handler;
  /** The deliveries that it has in work. */
  running: Set<Promise<void>>;
  stopping: AbortController;
}

export class Durable {
  readonly cursor: Cursor;
  readonly #parts: Parts;
  #settings: SubscriptionSettings;
  readonly #subscribers = new Set<Subscriber>();
  readonly #inWork = new Set<number>();
  /** The last record that was looked at. */
  #at: number;

  constructor(parts: Parts, settings: SubscriptionSettings, cursor: Cursor) {
    this.#parts = parts;
    this.#settings = settings;
    this.cursor = cursor;
    this.#at = cursor.floor;
  }

  /** Adds a subscriber; gives back how to stop it. The settings of the newest are in force. */
  add(settings: SubscriptionSettings, handle: Handler): () => Promise<void> {
    const subscriber: Subscriber = { handle, running: new Set(), stopping: new AbortController() };
    this.#subscribers.add(subscriber);
    this.#settings = settings;
    // What others left is looked at again.
    this.#at = this.cursor.floor;
    this.pump();
    return async () => {
      this.#subscribers.delete(subscriber);
      subscriber.stopping.abort();
      await Promise.all(subscriber.running);
    };
  }

  health(): SubscriptionHealth {
    // There is no connection that could fall silent.
    return { durable: this.#settings.durable, attached: this.attached, quietSeconds: 0 };
  }

  get attached(): boolean {
    return this.#subscribers.size > 0;
  }

  /** Starts what there is room for. */
  pump(): void {
    while (this.#subscribers.size > 0 && this.#inWork.size < this.#settings.concurrency) {
      const entry = this.#parts.log.after(this.#at);
      if (entry === undefined) break;
      this.#at = entry.seq;
      const wanted = this.#settings.filters.some((filter) => matches(filter, entry.subject));
      if (!wanted || this.cursor.isDone(entry.seq) || this.#inWork.has(entry.seq)) continue;
      this.#start(entry);
    }
    this.#raise();
  }

  #start(entry: Entry): void {
    const subscriber = this.#nextSubscriber();
    if (subscriber === undefined) return;
    this.#inWork.add(entry.seq);
    const running = this.#bringToVerdict(entry, subscriber).finally(() => {
      subscriber.running.delete(running);
      this.#inWork.delete(entry.seq);
      this.pump();
    });
    subscriber.running.add(running);
  }

  /** In turn: the one that had the last is the last. */
  #nextSubscriber(): Subscriber | undefined {
    const [subscriber] = this.#subscribers;
    if (subscriber === undefined) return undefined;
    this.#subscribers.delete(subscriber);
    this.#subscribers.add(subscriber);
    return subscriber;
  }

  /** Holds its place over retries, so that the order stays when there is one place. */
  async #bringToVerdict(entry: Entry, subscriber: Subscriber): Promise<void> {
    for (;;) {
      let afterMs: number;
      try {
        const decision = await this.#decide(entry, subscriber);
        if (decision.kind !== 'retry') return this.cursor.finish(entry.seq);
        afterMs = decision.afterMs;
      } catch (error) {
        afterMs = backoffMs(1, this.#parts.backoff);
        this.#parts.logger.error({ err: error, durable: this.#settings.durable, seq: entry.seq }, 'delivery failed');
      }
      await sleep(afterMs, undefined, { signal: subscriber.stopping.signal }).catch(() => undefined);
      // Not given up: without a verdict it comes again to the next subscriber.
      if (!this.#subscribers.has(subscriber)) return this.#leave(entry);
    }
  }

  #leave(entry: Entry): void {
    this.#at = Math.min(this.#at, entry.seq - 1);
  }

  async #decide(entry: Entry, { handle }: Subscriber): Promise<Decision> {
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
      decision = await decide(handle, { event: content.event, attempt, ...dead }, { settings, backoff, log: logger });
    }
    if (decision.kind !== 'dead') return decision;
    return this.#bury(entry, stored, content.event.id, { ...decision, attempt });
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
    try {
      await this.#parts.log.append({ id: deadLetterId(durable, eventId), subject, body: stored.body, dead });
      return { kind: 'ack' };
    } catch (error) {
      return { kind: 'retry', afterMs: backoffMs(why.attempt, this.#parts.backoff), reason: messageOf(error) };
    }
  }

  /** Nothing is open before the oldest that is in work, or up to where was looked. */
  #raise(): void {
    let open = this.#at + 1;
    for (const seq of this.#inWork) open = Math.min(open, seq);
    this.cursor.raise(open - 1);
  }
}
