/** An evaluation: every objective of a slo.yaml against what was measured, and the total. Pure: the same in, the same out. */
import type { Previous } from './history.ts';
import { evaluateObjective, type IndicatorResult, type Measured } from './objective.ts';
import { percentOf, type Slo } from './slo.ts';

export interface Evaluation {
  result: 'pass' | 'warning' | 'fail';
  /** 0 to 100. */
  score: number;
  /** In the order of the objectives. */
  indicatorResults: IndicatorResult[];
}

/** `previous`: of all SLIs, of the evaluations that count. */
export function evaluate(slo: Slo, values: readonly Measured[], previous: readonly Previous[]): Evaluation {
  const indicatorResults = slo.objectives.map((objective) => {
    const { sli } = objective;
    const value = values.find(({ metric }) => metric === sli) ?? missing(sli);
    const before = previous.filter(({ value: { metric } }) => metric === sli);
    return evaluateObjective(objective, value, before, slo.comparison);
  });
  return { ...total(slo, indicatorResults), indicatorResults };
}

export function total(slo: Slo, results: readonly IndicatorResult[]): Pick<Evaluation, 'result' | 'score'> {
  const counted = slo.objectives.filter(({ pass }) => pass !== null);
  const maximum = counted.reduce((sum, { weight }) => sum + weight, 0);
  if (maximum === 0) return { result: 'pass', score: 100 };
  const score = 100 * (results.reduce((sum, result) => sum + result.score, 0) / maximum);
  const keyFailed = slo.objectives.some(({ key_sli: key }, nth) => key && results[nth]?.status === 'fail');
  // Without its number no score is enough.
  const reaches = (wanted: string): boolean => score >= (percentOf(wanted) ?? Infinity);
  if (!keyFailed && reaches(slo.total_score.pass)) return { result: 'pass', score };
  return { result: !keyFailed && reaches(slo.total_score.warning) ? 'warning' : 'fail', score };
}

const missing = (metric: string): Measured => ({
  metric,
  value: 0,
  success: false,
  message: 'the SLI provider gave no value',
});
