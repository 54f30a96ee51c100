/**
 * What is to be done before helm is called. A few changes do it at once, in the order in which they came: to do a little of
 * each of many at once would call helm as often, and for nearly all of them later.
 */
import { Window } from '../../lib/errors/window.ts';

const AT_ONCE = 4;
/** Then it is tried again. */
const PATIENCE_MS = 60_000;

export class Preparing {
  readonly #window = new Window(AT_ONCE, 'the helm-service');

  /** Runs `work` when it is its turn, which lasts until `work` calls back or ends. */
  async run<T>(work: (prepared: () => void) => Promise<T>): Promise<T> {
    const { promise: prepared, resolve } = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<{ result: Promise<T> }>();
    const turn = this.#window.run(Date.now() + PATIENCE_MS, async () => {
      const result = work(resolve);
      begun.resolve({ result });
      void result.catch(() => undefined).then(() => resolve());
      await prepared;
    });
    turn.catch(begun.reject);
    return (await begun.promise).result;
  }
}
