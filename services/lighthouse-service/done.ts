/** The event that ends an evaluation, with the fields of 0.6.2 and ours beside them. */
import { eventTypes } from '../../lib/events/event.ts';
import type { EvaluationDone, TestsFinished } from '../../lib/events/workflow.ts';
import type { Outgoing } from '../../lib/service/service.ts';
import type { IndicatorResult } from './scoring/objective.ts';

/** What all events about one evaluation have. */
export type Subject = Pick<
  TestsFinished,
  'project' | 'stage' | 'service' | 'labels' | 'teststrategy' | 'deploymentstrategy' | 'start' | 'end'
>;

interface Details {
  /** As in `result` of the event, or why nothing was evaluated. */
  result: string;
  score: number;
  /** slo.yaml in base64. */
  sloFileContent: string;
  indicatorResults: IndicatorResult[] | null;
  /** Ours: why, in one sentence. */
  message: string;
}

export function evaluationDone(
  subject: Subject,
  result: string,
  details: Details,
  further: { dryrun?: true } = {},
): Outgoing {
  const { project, stage, service, labels, teststrategy, deploymentstrategy, start, end } = subject;
  const evaluationdetails = { timeStart: start, timeEnd: end, ...details };
  const data = {
    ...{ evaluationdetails, result, project, stage, service, teststrategy, deploymentstrategy },
    labels: labels ?? null,
    ...further,
  } satisfies EvaluationDone & typeof further;
  return { type: eventTypes.evaluationDone, data };
}

/** Nothing was evaluated. 0.6.2's clients look for the words of `reason`. */
export function notEvaluated(
  subject: Subject,
  result: string,
  reason: string,
  further: { dryrun?: true } = {},
): Outgoing {
  const message = `no evaluation performed by lighthouse because ${reason}`;
  const nothing = { score: 0, sloFileContent: '', indicatorResults: null };
  return evaluationDone(subject, result, { result: message, ...nothing, message }, further);
}
