/**
 * How far the remediation of a problem is, told by the events of its keptn context, as `stage.ts` does for a delivery:
 * what was tried, what of it is in effect, what an evaluation said, and what was taken back.
 */
import { eventTypes, type KeptnEvent } from '../events/event.ts';
import { problemData, problemOf, problemTypes, stateOf, type Problem } from '../events/problem.ts';
import {
  actionFinished,
  actionTriggered,
  OUTDATED,
  remediationFinished,
  type ActionTriggered,
} from '../events/remediation.ts';
import { deploymentFinished, evaluationDone } from '../events/workflow.ts';

export interface Answer {
  result: 'pass' | 'failed' | typeof OUTDATED;
  message: string;
  /** RFC 3339. */
  at: string;
}

/** An action, or its undoing, that was asked for. */
interface Asked {
  /** Of the event that asked. */
  id: string;
  /** How often it was outdated before. */
  again: number;
  /** RFC 3339. */
  since: string;
  answer?: Answer;
}

export interface Step extends Asked {
  action: ActionTriggered['action'];
  /** The first that began after it, and when. */
  evaluation?: { since: string; result?: string };
  undo?: Asked;
}

export interface Remediation {
  /** As the first action was about it; undefined while nothing was done. */
  problem: Problem | undefined;
  /** As it was told last, in this context. */
  isOpen: boolean;
  /** How often it was over before. */
  round: number;
  steps: readonly Step[];
  verdict: 'pass' | 'failed' | undefined;
}

/** `events`: of the context, newest first. */
export function remediationOf(events: readonly KeptnEvent[], problemId: string): Remediation {
  const told = events.toReversed().toSorted((a, b) => Date.parse(a.time) - Date.parse(b.time));
  // The first answer counts: entries that come later in this list take the place of others.
  const answers = new Map(told.toReversed().flatMap((event) => answerIn(event) ?? []));
  const nothing: Remediation = { problem: undefined, isOpen: false, round: 0, steps: [], verdict: undefined };
  return told.reduce((before, event) => after(before, event, problemId, answers), nothing);
}

/** The problem that a context does something about. */
export function problemIn(events: readonly KeptnEvent[]): string | undefined {
  const newest = events.find(({ type }) => type === eventTypes.actionTriggered);
  return newest && triggeredBy(newest)?.problem.id;
}

/** In effect: done, and not taken back. One that is outdated has changed nothing. */
export const isInEffect = ({ answer, undo }: Step): boolean =>
  answer?.result === 'pass' && (undo === undefined || undo.answer?.result === OUTDATED);

/** Something is at work: its answer will come. */
export const isAtWork = ({ steps }: Remediation): boolean =>
  steps.some(({ answer, undo }) => answer === undefined || (undo !== undefined && undo.answer === undefined));

export const isUndoing = ({ steps }: Remediation): boolean => steps.some(({ undo }) => undo !== undefined);

export function triggeredBy(event: KeptnEvent): { action: Step['action']; problem: Problem } | undefined {
  const parsed = actionTriggered.safeParse(event.data);
  if (!parsed.success) return undefined;
  const { action: what, problem, ...place } = parsed.data;
  return { action: what, problem: problemOf({ ...event, data: { ...problem, ...place } }) };
}

type Answers = ReadonlyMap<string, Answer>;

function after(before: Remediation, event: KeptnEvent, id: string, answers: Answers): Remediation {
  const { type, time: since } = event;
  const { steps } = before;
  const last = steps.at(-1);
  if (problemTypes.includes(type)) {
    const isOpen = toldIn(event, id);
    return isOpen === undefined ? before : { ...before, isOpen };
  }
  switch (type) {
    case eventTypes.actionTriggered: {
      const triggered = triggeredBy(event);
      if (triggered?.problem.id !== id || steps.some((step) => step.id === event.id)) return before;
      const again = last?.answer?.result === OUTDATED;
      const step = { ...asked(event, answers, again ? last.again + 1 : 0), action: triggered.action };
      return { ...before, problem: triggered.problem, steps: [...(again ? steps.slice(0, -1) : steps), step] };
    }
    case eventTypes.actionUndo: {
      const at = triggeredBy(event)?.problem.id === id ? steps.findLastIndex(isInEffect) : -1;
      const step = steps[at];
      if (!step) return before;
      const undo = asked(event, answers, step.undo ? step.undo.again + 1 : 0);
      return { ...before, steps: steps.with(at, { ...step, undo }) };
    }
    case eventTypes.actionFinished:
    case eventTypes.deploymentFinished: {
      const answer = answerWithoutId(event);
      return answer ? answered(before, answer) : before;
    }
    case eventTypes.startEvaluation: {
      if (!last || last.evaluation) return before;
      return withLast(before, { ...last, evaluation: { since } });
    }
    case eventTypes.evaluationDone: {
      const result = evaluationDone.safeParse(event.data).data?.result;
      if (!last?.evaluation || last.evaluation.result !== undefined || result === undefined) return before;
      return withLast(before, { ...last, evaluation: { ...last.evaluation, result } });
    }
    case eventTypes.remediationFinished:
      return { ...before, verdict: remediationFinished.safeParse(event.data).data?.remediation.result };
    case eventTypes.remediationClosed:
      return { ...before, problem: undefined, round: before.round + 1, steps: [], verdict: undefined };
    default:
      return before;
  }
}

const withLast = (before: Remediation, step: Step): Remediation => ({
  ...before,
  steps: before.steps.with(-1, step),
});

function asked({ id, time: since }: KeptnEvent, answers: Answers, again: number): Asked {
  const answer = answers.get(id);
  return { id, since, again, ...(answer && { answer }) };
}

/** By a service that does not say which action it is about: what is at work. */
function answered(before: Remediation, answer: Answer): Remediation {
  const steps = before.steps.map((step): Step => {
    if (!step.answer) return { ...step, answer };
    return step.undo && !step.undo.answer ? { ...step, undo: { ...step.undo, answer } } : step;
  });
  return { ...before, steps };
}

function toldIn(event: KeptnEvent, id: string): boolean | undefined {
  const { data } = problemData.safeParse(event.data);
  const state = data && stateOf({ ...event, data });
  return state?.id === id ? state.isOpen : undefined;
}

function answerIn(event: KeptnEvent): [string, Answer][] | undefined {
  const triggered = event.extensions?.['triggeredid'];
  const answer = triggered ? readAnswer(event) : undefined;
  return answer && triggered ? [[triggered, answer]] : undefined;
}

/** Of a service that does not say of which action; 0.6.2's helm-service tells that it has deployed. */
function answerWithoutId(event: KeptnEvent): Answer | undefined {
  if (event.extensions?.['triggeredid']) return undefined;
  if (event.type === eventTypes.actionFinished) return readAnswer(event);
  const isReal = deploymentFinished.safeParse(event.data).data?.teststrategy === 'real-user';
  return isReal ? { result: 'pass', message: 'deployed', at: event.time } : undefined;
}

function readAnswer({ type, data, time: at }: KeptnEvent): Answer | undefined {
  const told = type === eventTypes.actionFinished ? actionFinished.safeParse(data).data?.action : undefined;
  return told && { result: told.status === OUTDATED ? OUTDATED : told.result, message: told.message, at };
}
