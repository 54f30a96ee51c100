/** The evaluation itself: the values are there, and are held against slo.yaml and against what was before. */
import type { Configuration } from '../../lib/configuration/client.ts';
import { messageOf, Transient } from '../../lib/errors/classes.ts';
import { eventTypes, textIn, type KeptnEvent } from '../../lib/events/event.ts';
import {
  evaluationDone as evaluationDoneSchema,
  type GetSliDone,
  type IndicatorValue,
} from '../../lib/events/workflow.ts';
import type { History } from '../../lib/history/client.ts';
import type { Context, Handle } from '../../lib/service/service.ts';
import { evaluationDone } from './done.ts';
import { objectivesOf } from './objectives.ts';
import { evaluate } from './scoring/evaluate.ts';
import type { Previous } from './scoring/history.ts';
import type { Measured } from './scoring/objective.ts';
import { sentenceOf } from './scoring/sentence.ts';
import { comparedResults, showSlo } from './scoring/slo.ts';
import { commitOf } from '../../lib/configuration/versioned.ts';

/** Tries, and how long after the event, until an event that the history does not have is taken for one that never comes. */
const TRIES = 3;
const PATIENCE_MS = 30_000;
/** Evaluations that are read beyond those that count: of this context, and those that had nothing to evaluate. */
const SPARE = 20;
const PAGE = 100;

type Event = KeptnEvent & { data: GetSliDone };

export function evaluateValues(configuration: Configuration, history: History): Handle<GetSliDone> {
  return async (event, context) => {
    const { data } = event;
    // The values were asked for by a slo.yaml: where it is gone meanwhile, nothing says that they are good.
    const read = await objectivesOf(configuration, data, commitOf(event), 'fail');
    if ('done' in read) {
      context.log.warn(`no evaluation of ${data.service} in ${data.stage}: ${read.reason}`);
      return [read.done];
    }
    const { slo } = read;
    const past = await deliveryOf(history, event, context);
    const previous = await previousOf(history, event, comparedResults(slo.comparison));
    const evaluation = evaluate(slo, (data.indicatorValues ?? []).map(measured), previous);
    const testsFailed = haveTestsFailed(past, data.stage);
    const result = testsFailed ? 'fail' : evaluation.result;
    const message = `${testsFailed ? 'the tests failed; ' : ''}${sentenceOf(slo, evaluation)}`;
    context.log.info(`evaluation of ${data.service} in ${data.stage}: ${result}: ${message}`);
    const { score, indicatorResults } = evaluation;
    const sloFileContent = Buffer.from(showSlo(slo)).toString('base64');
    return [evaluationDone(data, result, { result, score, sloFileContent, indicatorResults, message })];
  };
}

/**
 * What there is of this delivery, once the history has this very event: the events of a context come to it in order, so that
 * it has the result of the tests as well, if there is one. An event that was not sent over the bus never gets there.
 */
async function deliveryOf(history: History, event: Event, { attempt, log }: Context): Promise<KeptnEvent[]> {
  try {
    return await history.deliveryUpTo(event);
  } catch (error) {
    const waited = attempt > TRIES || Date.now() - Date.parse(event.time) > PATIENCE_MS;
    if (!(error instanceof Transient) || !waited) throw error;
    log.warn(`${messageOf(error)}: evaluated without it`);
    return history.delivery(event);
  }
}

/** What the newest evaluations found, except for those of this context: one that is done again must not meet itself. */
async function previousOf(history: History, event: Event, count: number): Promise<Previous[]> {
  const { project, stage, service } = event.data;
  const place = { type: eventTypes.evaluationDone, source: 'lighthouse-service', project, stage, service };
  const found = await history.events({ ...place, pageSize: Math.min(count + SPARE, PAGE) });
  return found
    .filter(({ shkeptncontext }) => shkeptncontext !== event.shkeptncontext)
    .map(({ data }) => evaluationDoneSchema.safeParse(data).data?.evaluationdetails?.indicatorResults ?? [])
    .filter((results) => results.length > 0)
    .slice(0, count)
    .flat();
}

function haveTestsFailed(past: readonly KeptnEvent[], stage: string): boolean {
  const newest = past.find(({ type, data }) => type === eventTypes.testsFinished && textIn(data, 'stage') === stage);
  return newest !== undefined && textIn(newest.data, 'result') === 'fail';
}

const measured = ({ metric, value, success, message }: IndicatorValue): Measured => ({
  ...{ metric, value, success },
  ...(message ? { message } : {}),
});
