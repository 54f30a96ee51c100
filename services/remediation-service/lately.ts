/** Problems that were acted on a moment ago: until Git shows it, their repetitions change nothing. */
import type { Problem } from './problem.ts';

const LATELY_MS = 60_000;
const MOST = 10_000;

export class Lately {
  readonly #acted = new Map<string, { eventId: string; at: number }>();

  /** True when another event told the same; a redelivery of the same event is no repetition. */
  isRepeated(problem: Problem, eventId: string): boolean {
    const key = JSON.stringify([problem.project, problem.stage, problem.service, problem.id]) + String(problem.isOpen);
    const before = this.#acted.get(key);
    if (before && before.eventId !== eventId && Date.now() - before.at < LATELY_MS) return true;
    this.#acted.delete(key);
    this.#acted.set(key, { eventId, at: Date.now() });
    const [oldest] = this.#acted.keys();
    if (this.#acted.size > MOST && oldest !== undefined) this.#acted.delete(oldest);
    return false;
  }
}
