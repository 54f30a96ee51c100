/** One objective: its criteria, the value that was measured, and what comes of them. */
import { parseCriterion, satisfies, targetOf } from './criterion.ts';
import { baseOf, type Previous } from './history.ts';
import type { Comparison, Objective } from './slo.ts';

export interface Measured {
  metric: string;
  value: number;
  success: boolean;
  message?: string;
}

export interface Target {
  criteria: string;
  /** 0 when there was nothing to compute it from. */
  targetValue: number;
  violated: boolean;
}

/** As evaluation-done has it. */
// No interface: those do not fit schemas that let further fields through.
export type IndicatorResult = {
  score: number;
  value: Measured;
  /** Those of `warning`, where they were looked at, then those of `pass`; null where there are no criteria. */
  targets: Target[] | null;
  status: 'pass' | 'warning' | 'fail' | 'info';
};

export function evaluateObjective(
  objective: Objective,
  value: Measured,
  previous: readonly Previous[],
  comparison: Comparison,
): IndicatorResult {
  const { pass, warning, weight } = objective;
  if (pass === null) return { score: 0, value, targets: null, status: 'info' };
  const base = baseOf(previous, comparison);
  const passed = evaluateSets(pass, value, base);
  if (passed.satisfied) return { score: weight, value, targets: passed.targets, status: 'pass' };
  const warned = evaluateSets(warning ?? [], value, base);
  const targets = [...warned.targets, ...passed.targets];
  if (warned.satisfied) return { score: weight / 2, value, targets, status: 'warning' };
  return { score: 0, value, targets, status: 'fail' };
}

type Sets = NonNullable<Objective['pass']>;

/** One set is enough, of which all criteria have to hold. */
function evaluateSets(sets: Sets, value: Measured, base: number | undefined) {
  const evaluated = sets.map(({ criteria }) => criteria.map((text) => evaluateCriterion(text, value, base)));
  return {
    satisfied: evaluated.some((targets) => targets.every(({ violated }) => !violated)),
    targets: evaluated.flat(),
  };
}

function evaluateCriterion(text: string, { value, success }: Measured, base: number | undefined): Target {
  const criterion = parseCriterion(text);
  if (!success || !criterion) return { criteria: text, targetValue: 0, violated: true };
  // The first version has nothing to be worse than.
  if (criterion.comparison && base === undefined) return { criteria: text, targetValue: 0, violated: false };
  const targetValue = targetOf(criterion, base ?? 0);
  return { criteria: text, targetValue, violated: !satisfies(value, criterion, targetValue) };
}
