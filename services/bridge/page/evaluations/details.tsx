/** What an evaluation found: each indicator with its value, what was wanted, and the objectives as they were. */
import type { KeptnEvent } from '../../../../lib/events/event.ts';
import { Code } from '../parts/code.tsx';
import { Status, toneOfResult } from '../parts/status.tsx';
import { evaluationOf, shownValue, type Evaluation, type IndicatorResult } from './evaluation.ts';

export function EvaluationDetails({ event }: { event: KeptnEvent }) {
  const evaluation = evaluationOf(event);
  return evaluation ? <EvaluationResult evaluation={evaluation} /> : null;
}

export function EvaluationResult({ evaluation, before }: { evaluation: Evaluation; before?: Evaluation | undefined }) {
  const { result, score, message, indicators, slo } = evaluation;
  return (
    <div class="evaluation">
      <p class="facts">
        <Status tone={toneOfResult(result)}>{result || 'no result'}</Status>
        {score !== undefined && <b>{shownValue(score)} of 100</b>}
      </p>
      {message !== '' && <p class="evaluation-why">{message}</p>}
      {indicators.length > 0 && (
        <div class="table-box" tabIndex={0} role="region" aria-label="Indicators">
          <table>
            <thead>
              <tr>
                <th>Indicator</th>
                <th>Result</th>
                <th class="number">Value</th>
                {before && <th class="number">Before</th>}
                {before && <th class="number">Change</th>}
                <th>Wanted</th>
              </tr>
            </thead>
            <tbody>
              {indicators.map((one, nth) => (
                <Indicator key={nth} one={one} other={before && same(before, one)} isCompared={before !== undefined} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {slo !== '' && (
        <details>
          <summary>Objectives (slo.yaml)</summary>
          <Code text={slo} label="slo.yaml" />
        </details>
      )}
    </div>
  );
}

const same = ({ indicators }: Evaluation, { metric }: IndicatorResult): IndicatorResult | undefined =>
  indicators.find((one) => one.metric === metric);

interface IndicatorProps {
  one: IndicatorResult;
  other: IndicatorResult | undefined;
  isCompared: boolean;
}

function Indicator({ one, other, isCompared }: IndicatorProps) {
  const { metric, value, status, message, targets } = one;
  return (
    <tr>
      <td>
        {metric}
        {message !== '' && <small>{message}</small>}
      </td>
      <td>
        <Status tone={toneOfResult(status)}>{status}</Status>
      </td>
      <td class="number">{shownValue(value)}</td>
      {isCompared && <td class="number">{other ? shownValue(other.value) : '–'}</td>}
      {isCompared && <td class="number">{other ? changeOf(other.value, value) : '–'}</td>}
      <td>
        {targets.length === 0
          ? 'shown only'
          : targets.map(({ criteria, violated, targetValue }) => (
              <span key={criteria} class={violated ? 'target target-missed' : 'target'}>
                {criteria}
                {targetValue !== undefined &&
                  targetValue !== null &&
                  /[%+-]/.test(criteria) &&
                  ` (${shownValue(targetValue)})`}
                {violated && <span class="only-read"> missed</span>}
              </span>
            ))}
      </td>
    </tr>
  );
}

function changeOf(before: number, after: number): string {
  const difference = after - before;
  const sign = difference > 0 ? '+' : '';
  if (before === 0) return `${sign}${shownValue(difference)}`;
  return `${sign}${shownValue((difference / before) * 100)} %`;
}
