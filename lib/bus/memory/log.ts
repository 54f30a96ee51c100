/**
 * The log of the in-process bus: segments in a folder. An append resolves when it is on the disk; appends that wait
 * share one sync. Every id in the log is known, so an event is stored once for as long as the log keeps it.
 */
import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, Transient } from '../../errors/classes.ts';
import type { Logger } from '../../observe/log.ts';
import { lineOf, Segment, type Entry, type Record, type Stored } from './segment.ts';

export interface LogSettings {
  directory: string;
  log: Logger;
  /** Records that stay at least, read or not: the window in which an id is stored once. */
  keep: number;
  /** Records beyond which appends are refused until the durables have caught up. */
  limit: number;
  /** Up to which record all who need the log have read. */
  readUpTo: () => Promise<number>;
}

export interface Appended {
  duplicate: boolean;
}

interface Waiting {
  record: Record;
  resolve: (appended: Appended) => void;
  reject: (error: Error) => void;
}

const SEGMENT_BYTES = 16 * 1024 * 1024;
const BATCH_BYTES = 4 * 1024 * 1024;
/** A segment has this part of what is kept, so that there is something to drop early enough. */
const SEGMENTS = 10;
const FAILING_MS = 5_000;

export class Log {
  readonly #settings: LogSettings;
  readonly #segments: Segment[] = [];
  #entries: Entry[] = [];
  readonly #ids = new Map<string, number>();
  /** Ids that are being stored, so that the same id again waits for what becomes of the first. */
  readonly #storing = new Map<string, Promise<Appended>>();
  readonly #line: Waiting[] = [];
  #flushing: Promise<void> | undefined;
  #next = 1;
  #inSegment = 0;
  #failedAt = -Infinity;
  /** Called after records have become readable. */
  onAppended: () => void = () => undefined;

  private constructor(settings: LogSettings) {
    this.#settings = settings;
  }

  static async open(settings: LogSettings): Promise<Log> {
    await mkdir(settings.directory, { recursive: true });
    const log = new Log(settings);
    await log.#load();
    return log;
  }

  get last(): number {
    return this.#next - 1;
  }

  /** False after an append failed; not for long, since only the next append shows whether it is still so. */
  get writable(): boolean {
    return Date.now() - this.#failedAt > FAILING_MS;
  }

  /** The first record after `seq`, if there is one. */
  after(seq: number): Entry | undefined {
    const first = this.#entries[0];
    if (first === undefined) return undefined;
    // Broken lines leave gaps, so the place may be before the one that the number says.
    let i = Math.min(Math.max(0, seq + 1 - first.seq), this.#entries.length);
    while (i > 0 && (this.#entries[i - 1]?.seq ?? 0) > seq) i -= 1;
    return this.#entries[i];
  }

  read(entry: Entry): Promise<Stored> {
    return entry.segment.read(entry);
  }

  append(record: Record): Promise<Appended> {
    if (this.#ids.has(record.id)) return Promise.resolve({ duplicate: true });
    const storing = this.#storing.get(record.id);
    // When the first fails, this one fails too: both are told to try again.
    if (storing) return storing.then(() => ({ duplicate: true }));
    const appended = new Promise<Appended>((resolve, reject) => this.#line.push({ record, resolve, reject }));
    this.#storing.set(record.id, appended);
    this.#flushing ??= this.#flush();
    return appended.finally(() => this.#storing.delete(record.id));
  }

  async close(): Promise<void> {
    await this.#flushing;
    await Promise.all(this.#segments.map((segment) => segment.close()));
  }

  async #load(): Promise<void> {
    const { directory, log } = this.#settings;
    const names = (await readdir(directory)).filter((name) => /^\d{16}\.jsonl$/.test(name)).sort();
    for (const [i, name] of names.entries()) {
      const path = join(directory, name);
      const segment = await Segment.open(path, Number(name.slice(0, 16)));
      const { entries, broken, torn } = await segment.scan(i === names.length - 1);
      if (torn > 0) log.warn({ path, bytes: torn }, 'cut off what a crash left unfinished');
      if (broken > 0) log.error({ path, lines: broken }, 'lines of the event log are broken');
      this.#segments.push(segment);
      for (const entry of entries) {
        // A failed append that could not be taken back may have left a line whose number was given again.
        if (entry.seq >= this.#next) this.#admit(entry);
      }
      this.#next = Math.max(this.#next, segment.first);
      this.#inSegment = entries.length;
    }
  }

  #admit(entry: Entry): void {
    this.#entries.push(entry);
    this.#ids.set(entry.id, entry.seq);
    this.#next = entry.seq + 1;
  }

  async #flush(): Promise<void> {
    // Lets those who publish in the same turn share the sync.
    await Promise.resolve();
    while (this.#line.length > 0) {
      const batch = this.#takeBatch();
      try {
        const segment = await this.#segment();
        await this.#store(segment, batch);
        this.#failedAt = -Infinity;
      } catch (error) {
        this.#failedAt = Date.now();
        const failure =
          error instanceof Transient ? error : new Transient(`the event log: ${messageOf(error)}`, { cause: error });
        for (const { reject } of batch) reject(failure);
      }
    }
    // Here and not when the promise settles: an append in between would wait for ever.
    this.#flushing = undefined;
  }

  #takeBatch(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { record } of this.#line) {
      bytes += record.body.length;
      if (count > 0 && bytes > BATCH_BYTES) break;
      count += 1;
    }
    return this.#line.splice(0, count);
  }

  async #store(segment: Segment, batch: Waiting[]): Promise<void> {
    const at = new Date().toISOString();
    let offset = segment.size;
    const lines = batch.map(({ record }, i) => lineOf(this.#next + i, at, record));
    await segment.append(lines.length === 1 && lines[0] ? lines[0] : Buffer.concat(lines));
    for (const [i, { record, resolve }] of batch.entries()) {
      const length = lines[i]?.length ?? 0;
      const { id, subject, context } = record;
      this.#admit({ seq: this.#next, id, subject, context, segment, offset, length: length - 1 });
      offset += length;
      resolve({ duplicate: false });
    }
    this.#inSegment += batch.length;
    this.onAppended();
  }

  /** The segment that takes the next batch; rolling over is also when old ones are dropped. */
  async #segment(): Promise<Segment> {
    const { directory, keep, limit } = this.#settings;
    const last = this.#segments.at(-1);
    if (last && this.#inSegment < keep / SEGMENTS && last.size < SEGMENT_BYTES) return last;
    await this.#drop();
    if (this.#entries.length >= limit) {
      throw new Transient(`the bus is full: ${this.#entries.length} events are kept for subscribers that are behind`);
    }
    const segment = await Segment.create(join(directory, `${String(this.#next).padStart(16, '0')}.jsonl`), this.#next);
    await syncDirectory(directory);
    this.#segments.push(segment);
    this.#inSegment = 0;
    return segment;
  }

  async #drop(): Promise<void> {
    const readUpTo = await this.#settings.readUpTo();
    while (this.#segments.length > 1) {
      const [oldest, following] = this.#segments;
      if (!oldest || !following || following.first - 1 > readUpTo) return;
      const gone = this.#entries.findIndex(({ segment }) => segment !== oldest);
      const count = gone === -1 ? this.#entries.length : gone;
      if (this.#entries.length - count < this.#settings.keep) return;
      for (const { id } of this.#entries.slice(0, count)) this.#ids.delete(id);
      this.#entries = this.#entries.slice(count);
      this.#segments.shift();
      await rm(oldest.path);
      await oldest.close();
    }
  }
}

/** A new file is there after a power failure only when its folder is synced. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  await handle.sync().finally(() => handle.close());
}
