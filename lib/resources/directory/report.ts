/** Tells each problem once for as long as it lasts, and again when it comes back after it was mended. */
import type { Problem } from './manifests.ts';

export class Report {
  readonly #onProblem: (problem: Problem) => void;
  readonly #onMended: (problem: Problem) => void;
  #told = new Map<string, Problem>();

  constructor(onProblem: (problem: Problem) => void, onMended: (problem: Problem) => void) {
    this.#onProblem = onProblem;
    this.#onMended = onMended;
  }

  /** Takes all problems that there are. */
  update(problems: readonly Problem[]): void {
    const before = this.#told;
    // Not by line: a line added above is no new problem.
    this.#told = new Map(problems.map((problem) => [`${problem.file} ${problem.message}`, problem]));
    for (const [key, problem] of before) if (!this.#told.has(key)) this.#onMended(problem);
    for (const [key, problem] of this.#told) if (!before.has(key)) this.#onProblem(problem);
  }
}
