/** A bounded number of things in flight; those beyond it wait in line, but not for ever. */
import { Transient } from './classes.ts';

interface Waiting {
  enter: () => void;
  timer: NodeJS.Timeout;
}

export class Window {
  #free: number;
  readonly #line = new Set<Waiting>();
  readonly #maxLine: number;
  readonly #name: string;

  /** `size` at once, forty times as many in line; `name` is what is full then, in the error. */
  constructor(size: number, name: string) {
    this.#free = size;
    this.#maxLine = size * 40;
    this.#name = name;
  }

  /** Runs `work` when there is room; `Transient` when there was none before `deadline` (milliseconds since 1970). */
  async run<T>(deadline: number, work: () => Promise<T>): Promise<T> {
    await this.#enter(deadline);
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  #enter(deadline: number): Promise<void> | undefined {
    if (this.#free > 0) {
      this.#free -= 1;
      return undefined;
    }
    if (this.#line.size >= this.#maxLine) throw new Transient(`${this.#name} is full: too much waits already`);
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        enter: resolve,
        timer: setTimeout(
          () => {
            this.#line.delete(waiting);
            reject(new Transient(`${this.#name} is full: there was no room in time`));
          },
          Math.max(0, deadline - Date.now()),
        ),
      };
      this.#line.add(waiting);
    });
  }

  #leave(): void {
    const [next] = this.#line;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    this.#line.delete(next);
    clearTimeout(next.timer);
    next.enter();
  }
}
