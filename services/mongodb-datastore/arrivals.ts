/** Tells who waits for an event that it is stored now. */

/** Who asks while so many wait is not told: he looks again. */
const MAX_WAITING = 1_000;

export class Arrivals {
  readonly #waiting = new Map<string, Set<() => void>>();
  #count = 0;

  /** Resolves when the event with this id has been stored by this process, or after `ms`. */
  async next(id: string, ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    const others = this.#waiting.get(id) ?? new Set();
    if (this.#count < MAX_WAITING) this.#waiting.set(id, others.add(resolve));
    this.#count += 1;
    await promise;
    clearTimeout(timer);
    this.#count -= 1;
    others.delete(resolve);
    if (others.size === 0 && this.#waiting.get(id) === others) this.#waiting.delete(id);
  }

  stored(id: string): void {
    for (const resolve of this.#waiting.get(id) ?? []) resolve();
  }
}
