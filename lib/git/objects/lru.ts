/** A bounded cache: when its entries weigh too much together, those that were not used for longest go first. */

export class Lru<V> {
  readonly #limit: number;
  readonly #weigh: (value: V) => number;
  readonly #dropped: ((value: V) => void) | undefined;
  readonly #entries = new Map<string, V>();
  #weight = 0;

  /** `dropped` is told of each value that goes. */
  constructor(limit: number, weigh: (value: V) => number, dropped?: (value: V) => void) {
    this.#limit = limit;
    this.#weigh = weigh;
    this.#dropped = dropped;
  }

  get(key: string): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    // A Map keeps the order of insertion: the newest use goes to the end.
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: string, value: V): void {
    const weight = this.#weigh(value);
    // One huge value must not throw out everything else.
    if (this.#entries.has(key) || weight > this.#limit / 4) return;
    this.#entries.set(key, value);
    this.#weight += weight;
    for (const oldest of this.#entries.keys()) {
      if (this.#weight <= this.#limit) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const value = this.#entries.get(key);
    if (value === undefined) return;
    this.#entries.delete(key);
    this.#weight -= this.#weigh(value);
    this.#dropped?.(value);
  }
}
