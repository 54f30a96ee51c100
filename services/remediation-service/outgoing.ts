/** The events about a problem. Their ids follow from how far it is, so that whoever asks for the next asks for one. */
import type { Remediation, Step } from '../../lib/delivery/remediation.ts';
import { eventTypes } from '../../lib/events/event.ts';
import { idOf } from '../../lib/events/id.ts';
import type { Problem } from '../../lib/events/problem.ts';
import type { ActionTriggered, RemediationFinished, RemediationTold, Timer } from '../../lib/events/remediation.ts';
import { seconds } from '../../lib/events/time.ts';
import type { TestsFinished } from '../../lib/events/workflow.ts';
import type { Outgoing } from '../../lib/service/service.ts';
import type { Action } from './plan.ts';

/** A problem, in the keptn context in which something is done about it. */
export interface Case {
  keptnContext: string;
  problem: Problem;
  remediation: Remediation;
}

const placeOf = ({ problem: { project, stage, service, labels } }: Case) => ({ project, stage, service, labels });

function event({ keptnContext, problem, remediation }: Case, type: string, data: object, ...which: number[]) {
  const { project, stage, service, id } = problem;
  const parts = [keptnContext, project, stage, service, id, remediation.round, type, ...which];
  return { id: idOf('remediation', ...parts), type, shkeptncontext: keptnContext, data, extensions: {} };
}

export type Asking = Required<Pick<Outgoing, 'id'>> & Outgoing;

export function triggered(
  one: Case,
  { action, name, description, value, wait }: Action,
  nth: number,
  again: number,
): Asking {
  const what = { name: name || action, action, description, value, wait };
  const data: ActionTriggered = { ...placeOf(one), action: what, problem: one.problem.told };
  return event(one, eventTypes.actionTriggered, data, nth, again);
}

export function undo(one: Case, { action }: Step, nth: number, again: number): Asking {
  const data: ActionTriggered = { ...placeOf(one), action, problem: one.problem.told };
  return event(one, eventTypes.actionUndo, data, nth, again);
}

/** Of the time since the action; in front of real users it runs. */
export function evaluation(one: Case, { answer }: Step, nth: number, deploymentstrategy: string): Outgoing {
  const start = seconds(Date.parse(answer?.at ?? ''));
  const data: TestsFinished = {
    ...{ ...placeOf(one), teststrategy: 'real-user', deploymentstrategy, start, end: seconds(Date.now()), result: '' },
  };
  return event(one, eventTypes.startEvaluation, data, nth);
}

/** In a context of its own, so that it holds up no other event about the problem. */
export function timer({ keptnContext }: Pick<Case, 'keptnContext'>, ms: number): Outgoing {
  const until = new Date(ms).toISOString();
  const id = idOf('remediation', keptnContext, until);
  const data: Timer = { keptnContext, until };
  return { id, type: eventTypes.remediationTimer, shkeptncontext: id, data, extensions: {} };
}

export function finished(one: Case, result: 'pass' | 'failed', message: string): Outgoing {
  const status = result === 'pass' ? 'succeeded' : 'errored';
  const remediation = { result, status, message } as const;
  const data: RemediationFinished = { ...placeOf(one), remediation, problem: one.problem.told };
  return event(one, eventTypes.remediationFinished, data);
}

/** `why`: 0: no action is left; 1: some could not be taken back. */
export function escalated(one: Case, message: string, why: 0 | 1): Outgoing {
  return event(one, eventTypes.remediationEscalated, told(one, message), why);
}

export function closed(one: Case, message: string): Outgoing {
  return event(one, eventTypes.remediationClosed, told(one, message));
}

function told(one: Case, message: string): RemediationTold {
  const actions = one.remediation.steps.map(({ action }) => action.action);
  return { ...placeOf(one), problem: one.problem.told, actions, message };
}
