/** The event store on MongoDB 4.4 to 8, or what speaks its protocol; several processes may share it. */
import type { KeptnEvent } from '../../events/event.ts';
import { Batcher } from '../batcher.ts';
import type {
  CountedPage,
  EventFilter,
  EventStore,
  LogEntry,
  LogFilter,
  Page,
  PageRequest,
  Retention,
} from '../port.ts';
import { entryOf, eventOf, storedOf, type StoredEvent } from '../stored.ts';
import { Collections } from './collections.ts';
import { findEvents, findLogs } from './find.ts';
import { insertEvents, insertLogs } from './insert.ts';
import { Arrivals } from './order.ts';
import { prune } from './prune.ts';
import { findRoots } from './roots.ts';

/** Connects with the first call, so that a process may start before MongoDB does. */
export function createMongoStore(uri: string): EventStore {
  return new MongoStore(new Collections(uri));
}

class MongoStore implements EventStore {
  readonly #collections: Collections;
  readonly #events: Batcher<StoredEvent>;
  readonly #logs: Batcher<LogEntry>;

  constructor(collections: Collections) {
    const arrivals = new Arrivals();
    this.#collections = collections;
    this.#events = new Batcher(
      (events) => collections.call(() => insertEvents(collections, arrivals, events)),
      ({ body }) => body.length,
    );
    this.#logs = new Batcher(
      (entries) => collections.call(() => insertLogs(collections, arrivals, entries)),
      ({ message }) => message.length,
    );
  }

  async append(events: readonly KeptnEvent[]): Promise<number> {
    return this.#events.add(events.map(storedOf));
  }

  appendLogs(entries: readonly LogEntry[]): Promise<number> {
    return this.#logs.add(entries);
  }

  async query(filter: EventFilter, page: PageRequest): Promise<CountedPage<KeptnEvent>> {
    const found = await this.#collections.call(() => findEvents(this.#collections, filter, page));
    return { ...found, items: found.items.map(eventOf) };
  }

  async roots(filter: EventFilter, page: PageRequest): Promise<Page<KeptnEvent>> {
    const found = await this.#collections.call(() => findRoots(this.#collections, filter, page));
    return { ...found, items: found.items.map(eventOf) };
  }

  async logs(filter: LogFilter, page: PageRequest): Promise<CountedPage<LogEntry>> {
    const found = await this.#collections.call(() => findLogs(this.#collections, filter, page));
    return { ...found, items: found.items.map(entryOf) };
  }

  prune(retention: Retention, limit: number): Promise<number> {
    return this.#collections.call(() => prune(this.#collections, retention, limit));
  }

  check(): Promise<void> {
    return this.#collections.check();
  }

  async close(): Promise<void> {
    await Promise.all([this.#events.drained(), this.#logs.drained()]);
    await this.#collections.close();
  }
}
