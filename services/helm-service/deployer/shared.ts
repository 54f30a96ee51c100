/** Asks once for all who want to know the same at about the same time. */
export class Shared<T> {
  readonly #ask: (key: string) => Promise<T>;
  readonly #ms: number;
  readonly #recent = new Map<string, Promise<T>>();
  readonly #asking = new Map<string, Promise<unknown>>();
  readonly #next = new Map<string, Promise<T>>();

  /** `ms`: how long an answer is recent, from when it was asked for. */
  constructor(ms: number, ask: (key: string) => Promise<T>) {
    this.#ask = ask;
    this.#ms = ms;
  }

  /** As somebody was told a moment ago. */
  recent(key: string): Promise<T> {
    return this.#recent.get(key) ?? this.#put(key);
  }

  /** As it is after this call: who calls while a question is out waits for the next one. */
  fresh(key: string): Promise<T> {
    const asking = this.#asking.get(key);
    if (!asking) return this.#put(key);
    const next = this.#next.get(key) ?? asking.then(() => this.#put(key));
    this.#next.set(key, next);
    return next;
  }

  #put(key: string): Promise<T> {
    this.#next.delete(key);
    const answer = this.#ask(key);
    this.#recent.set(key, answer);
    const forget = (): void => {
      if (this.#recent.get(key) === answer) this.#recent.delete(key);
    };
    const timer = setTimeout(forget, this.#ms).unref();
    const asking = answer
      .catch(() => {
        // The next one to ask may be told.
        clearTimeout(timer);
        forget();
      })
      .finally(() => {
        if (this.#asking.get(key) === asking) this.#asking.delete(key);
      });
    this.#asking.set(key, asking);
    return answer;
  }
}
