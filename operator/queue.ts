/**
 * The work queue: keys that wait for a worker. A key is in it once however often it is added, never has two workers at
 * once, and comes again when it was added while it was in work.
 */
import type { OperatorMetrics } from '../lib/observe/metrics.ts';

const BASE_DELAY_MS = 50;
const MAX_DELAY_MS = 15_000;

export class KeyQueue {
  readonly #name: string;
  readonly #metrics: OperatorMetrics;
  /** Waiting keys in order, with the time of their adding. */
  readonly #waiting = new Map<string, number>();
  readonly #working = new Set<string>();
  readonly #again = new Set<string>();
  readonly #timers = new Map<string, { at: number; timer: NodeJS.Timeout }>();
  readonly #failures = new Map<string, number>();
  readonly #idle: (() => void)[] = [];
  #closed = false;

  constructor(name: string, metrics: OperatorMetrics) {
    this.#name = name;
    this.#metrics = metrics;
  }

  /** Keys that wait or are in work; timers do not count. */
  get size(): number {
    return this.#waiting.size + this.#working.size;
  }

  add(key: string): void {
    if (this.#closed) return;
    if (this.#working.has(key)) {
      this.#again.add(key);
      return;
    }
    if (this.#waiting.has(key)) return;
    this.#waiting.set(key, performance.now());
    this.#metrics.queueAdds.inc({ name: this.#name });
    this.#measure();
    this.#idle.shift()?.();
  }

  /** Adds the key later; of two timers of one key the earlier counts. */
  addAfter(key: string, ms: number): void {
    if (this.#closed) return;
    const at = Date.now() + ms;
    const current = this.#timers.get(key);
    if (current && current.at <= at) return;
    clearTimeout(current?.timer);
    const timer = setTimeout(() => {
      this.#timers.delete(key);
      this.add(key);
    }, ms);
    this.#timers.set(key, { at, timer });
  }

  /** Adds the key after a delay that doubles with each failure in a row, with jitter. */
  retry(key: string): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.#metrics.queueRetries.inc({ name: this.#name });
    const limit = Math.min(MAX_DELAY_MS, BASE_DELAY_MS * 2 ** failures);
    this.addAfter(key, limit / 2 + (Math.random() * limit) / 2);
  }

  /** The key succeeded: its next failure is a first one. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** Runs `work` for each key with so many workers; resolves after `close` when the last has ended. `work` never rejects. */
  async run(workers: number, work: (key: string) => Promise<void>): Promise<void> {
    await Promise.all(Array.from({ length: workers }, () => this.#worker(work)));
  }

  /** Takes no more keys; keys in work end. */
  close(): void {
    this.#closed = true;
    for (const { timer } of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#waiting.clear();
    for (const wake of this.#idle.splice(0)) wake();
  }

  async #worker(work: (key: string) => Promise<void>): Promise<void> {
    while (!this.#closed) {
      const next = this.#waiting.entries().next().value;
      if (!next) {
        await new Promise<void>((resolve) => this.#idle.push(resolve));
        continue;
      }
      const [key, since] = next;
      this.#waiting.delete(key);
      this.#working.add(key);
      this.#measure();
      this.#metrics.queueSeconds.observe({ name: this.#name }, (performance.now() - since) / 1000);
      await work(key);
      this.#working.delete(key);
      if (this.#again.delete(key)) this.add(key);
    }
  }

  #measure(): void {
    this.#metrics.queueDepth.set({ name: this.#name }, this.#waiting.size);
  }
}
