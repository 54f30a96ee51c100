/** Joins what several callers want to write at once: while one batch is being written, the next one gathers. */
import { Transient } from '../errors/classes.ts';

interface Waiting<T> {
  items: readonly T[];
  bytes: number;
  resolve: (results: boolean[]) => void;
  reject: (error: unknown) => void;
}

/** Of one batch; what a single caller brings stays together. */
const MAX_ITEMS = 1_000;
const MAX_BYTES = 8 * 1024 * 1024;
/** Batches that may wait: more than that, and the caller has to come again. */
const MAX_WAITING = 4;

export class Batcher<T> {
  readonly #write: (items: T[]) => Promise<boolean[]>;
  readonly #sizeOf: (item: T) => number;
  readonly #line: Waiting<T>[] = [];
  #bytes = 0;
  #items = 0;
  #running: Promise<void> | undefined;

  /** `write` gives for each item whether it was new; `sizeOf` its bytes. */
  constructor(write: (items: T[]) => Promise<boolean[]>, sizeOf: (item: T) => number) {
    this.#write = write;
    this.#sizeOf = sizeOf;
  }

  /** How many of the items were new. */
  async add(items: readonly T[]): Promise<number> {
    if (items.length === 0) return 0;
    const bytes = items.reduce((sum, item) => sum + this.#sizeOf(item), 0);
    const full = this.#items >= MAX_ITEMS * MAX_WAITING || this.#bytes >= MAX_BYTES * MAX_WAITING;
    if (full) throw new Transient('the event store is full: too much waits already');
    const { promise, resolve, reject } = Promise.withResolvers<boolean[]>();
    this.#line.push({ items, bytes, resolve, reject });
    this.#items += items.length;
    this.#bytes += bytes;
    this.#running ??= this.#run();
    return (await promise).filter(Boolean).length;
  }

  /** Resolves when everything that was added is written. */
  async drained(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // Callers of one turn belong into one batch.
    await Promise.resolve();
    while (this.#line.length > 0) {
      const batch = this.#take();
      try {
        const results = await this.#write(batch.flatMap(({ items }) => items));
        let at = 0;
        for (const { items, resolve } of batch) resolve(results.slice(at, (at += items.length)));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#running = undefined;
  }

  #take(): Waiting<T>[] {
    let [items, bytes, count] = [0, 0, 0];
    for (const waiting of this.#line) {
      items += waiting.items.length;
      bytes += waiting.bytes;
      if (count > 0 && (items > MAX_ITEMS || bytes > MAX_BYTES)) break;
      count += 1;
    }
    const batch = this.#line.splice(0, count);
    for (const waiting of batch) {
      this.#items -= waiting.items.length;
      this.#bytes -= waiting.bytes;
    }
    return batch;
  }
}
