/** Why an evaluation came out as it did, in one sentence. */
import { parseCriterion } from './criterion.ts';
import type { Evaluation } from './evaluate.ts';
import type { IndicatorResult } from './objective.ts';
import { percentOf, type Objective, type Slo } from './slo.ts';

/** More would hide the score. */
const TOLD = 5;

export function sentenceOf(slo: Slo, { result, score, indicatorResults }: Evaluation): string {
  const counted = slo.objectives.flatMap((objective, nth) => {
    const found = indicatorResults[nth];
    return objective.pass !== null && found ? [{ objective, result: found }] : [];
  });
  if (counted.length === 0) return 'no objective has criteria, so there is nothing to fail';
  const unmet = counted.filter((one) => one.result.status !== 'pass');
  const told = unmet.slice(0, TOLD).map((one) => about(one.objective, one.result));
  if (unmet.length > TOLD) told.push(`${unmet.length - TOLD} more objectives are not met`);
  if (told.length === 0)
    told.push(counted.length === 1 ? 'the objective is met' : `all ${counted.length} objectives are met`);
  const warning = result === 'warning' ? `, ${percentOf(slo.total_score.warning)} for a warning` : '';
  return `${told.join(', ')}, score ${shown(score)} of ${percentOf(slo.total_score.pass)} needed${warning}`;
}

function about({ sli, key_sli: key, pass }: Objective, { value, targets, status }: IndicatorResult): string {
  const name = key && status === 'fail' ? `${sli}, a key SLI,` : sli;
  if (!value.success) return `${name} has no value (${value.message || 'the SLI provider does not say why'})`;
  // The targets of `pass` are the last ones.
  const criteria = (pass ?? []).flatMap((set) => set.criteria);
  const rest = (targets ?? []).slice(-criteria.length || undefined);
  const wanted = (pass ?? []).map((set) =>
    set.criteria.map((text) => asked(text, rest.shift()?.targetValue)).join(' and '),
  );
  return `${name} is ${shown(value.value)} (wanted ${wanted.join(' or ')})`;
}

/** A comparison says little without the number that came of it. */
function asked(text: string, target: number | undefined): string {
  const criterion = parseCriterion(text);
  if (!criterion) return `${text}, which is no criterion,`;
  return criterion.comparison && target ? `${text}, here ${shown(target)}` : text;
}

const shown = (value: number): string => String(Number(value.toPrecision(6)));
