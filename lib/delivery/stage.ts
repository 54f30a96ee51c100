/**
 * How far a delivery is in one stage, told by its events: one function from what was and an event to what is. The status
 * of a Service, the command line and the services that decide by the past all use it, so that they agree.
 */
import { eventTypes, textIn, type KeptnEvent } from '../events/event.ts';
import {
  approvalFinished,
  approvalTriggered,
  configurationChange,
  deliveryFinished,
  deploymentFinished,
  evaluationDone,
  testsFinished,
} from '../events/workflow.ts';
import { imageOf } from './image.ts';

export const phases = [
  'Deploying',
  'Testing',
  'Evaluating',
  'Promoting',
  'Approving',
  'Ready',
  'Failed',
  'Aborted',
  'Superseded',
] as const;
export type Phase = (typeof phases)[number];

export interface StageDelivery {
  /** Of the stage. */
  name: string;
  keptnContext: string;
  phase: Phase;
  /** Container image, where the events tell it. */
  image?: string | undefined;
  /** The commit of the stage's configuration that runs. */
  commit?: string | undefined;
  /** `direct` or `blue_green_service`, once deployed. */
  strategy?: string | undefined;
  /** Of the last evaluation, 0 to 100. */
  score?: number | undefined;
  /** A sentence for people: what is going on, or why it ended. */
  message: string;
  /** RFC 3339. */
  startedAt: string;
  /** When the phase began. */
  since: string;
  /** Of the event that asks for an approval. */
  triggeredId?: string | undefined;
  paused?: boolean | undefined;
  /** The stage behind which it does not go on, where it was not asked into the last. */
  until?: string | undefined;
}

/** Ended before it was through the stage: it goes no further. */
export function hasStopped({ phase }: { phase: string }): boolean {
  return phase === 'Failed' || phase === 'Aborted' || phase === 'Superseded';
}

export function isOver(stage: { phase: string }): boolean {
  return stage.phase === 'Ready' || hasStopped(stage);
}

/** Of an evaluation. */
export function hasPassed(result: string): result is 'pass' | 'warning' {
  return result === 'pass' || result === 'warning';
}

/** Events that tell something of a delivery. */
export const deliveryTypes: readonly string[] = [
  eventTypes.configurationChange,
  eventTypes.deploymentFinished,
  eventTypes.testsFinished,
  eventTypes.evaluationDone,
  eventTypes.approvalTriggered,
  eventTypes.approvalFinished,
  eventTypes.deliveryFinished,
  eventTypes.deliveryPause,
  eventTypes.deliveryResume,
];

/** The stage after the event; as it was when the event is of no delivery, or of another one that began earlier. */
export function stageAfter(
  before: StageDelivery | undefined,
  event: KeptnEvent,
  stage: string,
): StageDelivery | undefined {
  const begun = beginningOf(event, stage);
  if (begun) return before?.keptnContext === event.shkeptncontext && before.phase !== 'Approving' ? before : begun;
  if (before?.keptnContext !== event.shkeptncontext) return before;
  const change = changeOf(event, before);
  if (!change) return before;
  if (isOver(before)) {
    // What has ended has ended: a tool that is late does not bring it back, and may tell more of the end.
    const isTold = event.type !== eventTypes.deliveryFinished || before.message.includes(change.message ?? '');
    return isTold ? before : { ...before, message: `${before.message}; ${change.message ?? ''}` };
  }
  const since = change.phase === undefined || change.phase === before.phase ? before.since : event.time;
  return { ...before, ...change, since };
}

/** A delivery that enters the stage: by its configuration.change, or by the question whether it may. */
function beginningOf(event: KeptnEvent, name: string): StageDelivery | undefined {
  const { type, time, shkeptncontext: keptnContext, data, id } = event;
  const begin = { name, keptnContext, startedAt: time, since: time };
  if (type === eventTypes.approvalTriggered) {
    const { success, data: asked } = approvalTriggered.safeParse(data);
    if (!success) return undefined;
    const image = imageOf(asked);
    return { ...begin, phase: 'Approving', image, triggeredId: id, message: `waits for approval to enter ${name}` };
  }
  const image = newImage(event);
  if (image === undefined) return undefined;
  return { ...begin, phase: 'Deploying', image, until: textIn(data, 'until'), message: `deploying ${image}` };
}

/** The image that a configuration.change brings; undefined when it brings none. */
export function newImage({ type, data }: Pick<KeptnEvent, 'type' | 'data'>): string | undefined {
  if (type !== eventTypes.configurationChange) return undefined;
  return textIn(configurationChange.safeParse(data).data?.valuesCanary, 'image');
}

type Change = Partial<StageDelivery>;

function changeOf({ type, data, extensions }: KeptnEvent, before: StageDelivery): Change | undefined {
  switch (type) {
    case eventTypes.deploymentFinished: {
      const done = deploymentFinished.safeParse(data).data;
      if (!done) return undefined;
      const image = imageOf(done) || before.image;
      const commit = extensions?.['gitcommitid'] ?? before.commit;
      const strategy = done.deploymentstrategy;
      const message = done.dryrun ? 'deployed (dry run)' : 'deployed, being tested';
      return { phase: 'Testing', image, commit, strategy, message };
    }
    case eventTypes.testsFinished: {
      const done = testsFinished.safeParse(data).data;
      if (!done) return undefined;
      const message = done.message || (done.result === 'fail' ? 'the tests failed' : 'tested, being evaluated');
      return { phase: 'Evaluating', message };
    }
    case eventTypes.evaluationDone:
      return evaluated(data);
    case eventTypes.approvalFinished: {
      const approval = approvalFinished.safeParse(data).data?.approval;
      if (approval === undefined) return undefined;
      return {
        message: approval.result === 'pass' ? 'approved' : `declined${approval.message ? `: ${approval.message}` : ''}`,
      };
    }
    case eventTypes.deliveryFinished: {
      const done = deliveryFinished.safeParse(data).data;
      if (!done) return undefined;
      const phase = {
        pass: 'Ready',
        warning: 'Ready',
        fail: 'Failed',
        aborted: 'Aborted',
        superseded: 'Superseded',
      } as const;
      return { phase: phase[done.result], message: done.message || before.message };
    }
    case eventTypes.deliveryPause:
      return { paused: true };
    case eventTypes.deliveryResume:
      return { paused: undefined };
    default:
      return undefined;
  }
}

function evaluated(data: unknown): Change | undefined {
  const done = evaluationDone.safeParse(data).data;
  if (!done) return undefined;
  const details = done.evaluationdetails;
  // Without results there was nothing to score.
  const score = details?.indicatorResults?.length ? details.score : undefined;
  const said = textIn(details, 'message') ?? details?.result ?? '';
  const passed = hasPassed(done.result);
  const verdict = passed ? 'the evaluation passed' : 'the evaluation failed';
  const sentence = said === '' || said === done.result ? verdict : `${verdict}: ${said}`;
  // Over it is when the gatekeeper has decided what follows.
  return { phase: passed ? 'Promoting' : 'Evaluating', score, message: sentence };
}
