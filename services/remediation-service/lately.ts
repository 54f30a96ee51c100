/** What was told of problems a moment ago, and by which event: until the history shows it, repetitions change nothing. */
import type { Problem } from '../../lib/events/problem.ts';

const LATELY_MS = 60_000;
const MOST = 10_000;

export class Lately {
  readonly #told = new Map<string, { isOpen: boolean; eventId: string; at: number }>();

  /** True when another event told the same; one that is delivered again is no repetition. */
  isRepeated(problem: Problem, eventId: string): boolean {
    const before = this.#before(problem);
    return before !== undefined && before.isOpen === problem.isOpen && before.eventId !== eventId;
  }

  /** What is known from now on; true when the opposite was told before. */
  tell(problem: Problem, eventId: string): boolean {
    const { isOpen } = problem;
    const before = this.#before(problem);
    const key = keyOf(problem);
    this.#told.delete(key);
    this.#told.set(key, { isOpen, eventId, at: Date.now() });
    const [oldest] = this.#told.keys();
    if (this.#told.size > MOST && oldest !== undefined) this.#told.delete(oldest);
    return before !== undefined && before.isOpen !== isOpen;
  }

  #before(problem: Problem): { isOpen: boolean; eventId: string } | undefined {
    const before = this.#told.get(keyOf(problem));
    return before && Date.now() - before.at < LATELY_MS ? before : undefined;
  }
}

const keyOf = ({ project, stage, service, id }: Problem): string => JSON.stringify([project, stage, service, id]);
