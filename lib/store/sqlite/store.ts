/** The event store in one SQLite file, for one process. The database works in two threads: a sync would stop everybody. */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { KeptnEvent } from '../../events/event.ts';
import { Batcher } from '../batcher.ts';
import { cursorOf, placeByNumber } from '../cursor.ts';
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
import type { FoundRows } from './find.ts';
import type { ReaderCalls } from './reader.ts';
import { Thread } from './rpc.ts';
import { openDatabase } from './schema.ts';
import type { WriterCalls } from './writer.ts';

export interface SqliteStoreSettings {
  path: string;
  /** False: faster, and a power failure may lose what was acknowledged last; true by default. */
  durable?: boolean;
}

export async function openSqliteStore({ path, durable = true }: SqliteStoreSettings): Promise<EventStore> {
  await mkdir(dirname(path), { recursive: true });
  // Here, so that a file that is none of ours is told at once.
  openDatabase({ path, durable }).close();
  return new SqliteStore({ path, durable });
}

class SqliteStore implements EventStore {
  readonly #writer: Thread<WriterCalls>;
  readonly #reader: Thread<ReaderCalls>;
  readonly #events: Batcher<StoredEvent>;
  readonly #logs: Batcher<LogEntry>;

  constructor(file: Required<SqliteStoreSettings>) {
    const writer = new Thread<WriterCalls>(new URL('./writer.ts', import.meta.url), file);
    this.#writer = writer;
    this.#reader = new Thread<ReaderCalls>(new URL('./reader.ts', import.meta.url), file);
    this.#events = new Batcher(
      (events) => writer.call('events', events),
      ({ body }) => body.length,
    );
    this.#logs = new Batcher(
      (entries) => writer.call('logs', entries),
      ({ message }) => message.length,
    );
  }

  async append(events: readonly KeptnEvent[]): Promise<number> {
    return this.#events.add(events.map(storedOf));
  }

  async appendLogs(entries: readonly LogEntry[]): Promise<number> {
    return this.#logs.add(entries);
  }

  async query(filter: EventFilter, page: PageRequest): Promise<CountedPage<KeptnEvent>> {
    const found = await this.#reader.call('events', filter, placeByNumber(page.after), page.size);
    return { ...pageFrom(found, eventOf), total: found.total };
  }

  async roots(filter: EventFilter, page: PageRequest): Promise<Page<KeptnEvent>> {
    return pageFrom(await this.#reader.call('roots', filter, placeByNumber(page.after), page.size), eventOf);
  }

  async logs(filter: LogFilter, page: PageRequest): Promise<CountedPage<LogEntry>> {
    const found = await this.#reader.call('logs', filter, placeByNumber(page.after), page.size);
    return { ...pageFrom(found, entryOf), total: found.total };
  }

  prune({ maxAgeMs, maxCount }: Retention, limit: number): Promise<number> {
    const before = maxAgeMs === undefined ? Number.MIN_SAFE_INTEGER : Date.now() - maxAgeMs;
    return this.#writer.call('prune', before, maxCount ?? Number.MAX_SAFE_INTEGER, limit);
  }

  async check(): Promise<void> {
    await this.#reader.call('events', {}, undefined, 1);
  }

  async close(): Promise<void> {
    await Promise.all([this.#events.drained(), this.#logs.drained()]);
    for (const thread of [this.#reader, this.#writer]) {
      await thread.call('close');
      await thread.end();
    }
  }
}

function pageFrom<T>({ rows, isMore }: FoundRows, item: (body: string) => T): Page<T> {
  const [time, tie] = rows.at(-1) ?? [];
  const isEnd = !isMore || time === undefined || tie === undefined;
  return { items: rows.map(([, , body]) => item(body)), next: isEnd ? undefined : cursorOf([time, tie]) };
}
