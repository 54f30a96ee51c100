/** What is to be done next about a problem: one function of what was told and done, whatever event asks. */
import { hasPassed } from '../../lib/delivery/stage.ts';
import { isAtWork, isInEffect, isUndoing, type Remediation, type Step } from '../../lib/delivery/remediation.ts';
import { OUTDATED } from '../../lib/events/remediation.ts';
import { builtInOf } from './plan.ts';

/** Others change the same files all the time: then somebody has to look. */
const MOST_AGAIN = 20;

export type Next =
  | { kind: 'nothing' }
  /** The same once more: what it was made from had changed. */
  | { kind: 'again'; step: Step }
  /** The action with this number, or, where there is none, a person. */
  | { kind: 'follow'; nth: number; why: string }
  | { kind: 'evaluate'; step: Step }
  /** Until then (milliseconds since 1970) nothing; `for`: what is waited for. */
  | { kind: 'wait'; step: Step; until: number; for: 'effect' | 'answer' | 'evaluation' }
  /** The service that was to do it has not said that it did. */
  | { kind: 'unanswered'; step: Step }
  | { kind: 'finish'; message: string }
  | { kind: 'undo'; step: Step; nth: number }
  | { kind: 'close'; failed: readonly Step[] };

/** Times in milliseconds. */
export interface Rules {
  now: number;
  /** After an action, unless it says so itself, until it is evaluated. */
  waitMs: number;
  /** For a service of one's own to answer, and for an evaluation. */
  answerMs: number;
}

export function nextOf(remediation: Remediation, { now, waitMs, answerMs }: Rules): Next {
  const { steps, isOpen, verdict } = remediation;
  const step = steps.at(-1);
  if (!step) return isOpen ? { kind: 'follow', nth: 0, why: '' } : { kind: 'nothing' };
  const { answer, evaluation, action, again } = step;
  if (!answer && builtInOf(action)) return { kind: 'nothing' };
  if (!answer) {
    const until = Date.parse(step.since) + answerMs;
    return until > now ? { kind: 'wait', step, until, for: 'answer' } : { kind: 'unanswered', step };
  }
  if (isAtWork(remediation)) return { kind: 'nothing' };
  if (!isOpen || isUndoing(remediation)) return backOf(steps);
  if (verdict !== undefined) return { kind: 'nothing' };
  if (answer.result === OUTDATED && again < MOST_AGAIN) return { kind: 'again', step };
  const follow = (why: string): Next => ({ kind: 'follow', nth: steps.length, why });
  if (answer.result !== 'pass') return follow(`${action.name} failed: ${answer.message}`);
  if (!evaluation) {
    const until = Date.parse(answer.at) + (action.wait ?? waitMs);
    return until > now ? { kind: 'wait', step, until, for: 'effect' } : { kind: 'evaluate', step };
  }
  return judged(evaluation, { step, now, answerMs }, follow);
}

function judged(
  { result, since }: NonNullable<Step['evaluation']>,
  { step, now, answerMs }: { step: Step; now: number; answerMs: number },
  follow: (why: string) => Next,
): Next {
  const { name } = step.action;
  if (result === undefined) {
    const until = Date.parse(since) + answerMs;
    return until > now ? { kind: 'wait', step, until, for: 'evaluation' } : follow(`nobody has evaluated ${name}`);
  }
  if (hasPassed(result)) return { kind: 'finish', message: `${name} has helped: the objectives are met` };
  // As at the gate: without objectives nothing failed.
  if (result === '') return { kind: 'finish', message: `${name} is in effect: no objectives say whether it helps` };
  return follow(`${name} has not helped: the evaluation ended with ${result}`);
}

/** The last that is in effect goes first. */
function backOf(steps: readonly Step[]): Next {
  const nth = steps.findLastIndex(isInEffect);
  const step = steps[nth];
  if (step && (step.undo?.again ?? 0) < MOST_AGAIN) return { kind: 'undo', step, nth };
  return { kind: 'close', failed: steps.filter(({ undo }) => undo?.answer && undo.answer.result !== 'pass') };
}
