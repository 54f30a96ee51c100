/** Annotations of a Service that steer a delivery: each names the keptn context that it means, so that none acts on the next. */
import { hasStopped } from '../lib/delivery/stage.ts';
import { eventTypes } from '../lib/events/event.ts';
import { keptnName } from '../lib/model/stage.ts';
import { announce, announcementOf } from './announce.ts';
import type { Reconciliation } from './reconciliation.ts';

const annotations = {
  approve: 'keptn.sh/approve',
  decline: 'keptn.sh/decline',
  pause: 'keptn.sh/pause',
  abort: 'keptn.sh/abort',
} as const;

export const controlAnnotations: readonly string[] = Object.values(annotations);

type Run = Reconciliation<'Service'>;

/** Announces what the annotations want, once for each delivery. */
export async function control(run: Run): Promise<void> {
  await answerApproval(run);
  await pauseOrResume(run);
  const context = run.object.metadata.annotations?.[annotations.abort];
  if (context === undefined || !isRunning(run, context)) return;
  await announce(run, { type: eventTypes.deliveryAbort, digest: context, context, data: placeOf(run) });
}

async function answerApproval(run: Run): Promise<void> {
  const { approve, decline } = annotations;
  for (const [name, result] of [
    [approve, 'pass'],
    [decline, 'failed'],
  ] as const) {
    const context = run.object.metadata.annotations?.[name];
    const open = run.status.stages?.find((stage) => stage.keptnContext === context && stage.phase === 'Approving');
    if (context === undefined || !open) continue;
    const approval = {
      triggeredID: open.triggeredId ?? '',
      result,
      status: 'succeeded',
      message: `annotation ${name}`,
    };
    const data = { ...placeOf(run), stage: open.name, labels: null, approval };
    await announce(run, { type: eventTypes.approvalFinished, digest: approval.triggeredID, context, data });
  }
}

/** Paused while the annotation is there. */
async function pauseOrResume(run: Run): Promise<void> {
  const wanted = run.object.metadata.annotations?.[annotations.pause];
  const paused = announcementOf(run, eventTypes.deliveryPause);
  const resumed = announcementOf(run, eventTypes.deliveryResume);
  const isPaused = paused?.published === true && paused.id !== resumed?.digest;
  if (paused && isPaused && paused.keptnContext !== wanted) {
    const context = paused.keptnContext ?? '';
    await announce(run, { type: eventTypes.deliveryResume, digest: paused.id ?? '', context, data: placeOf(run) });
  }
  if (wanted === undefined || !isRunning(run, wanted) || (isPaused && paused.keptnContext === wanted)) return;
  // Paused for the second time it is another state.
  const digest = `${wanted} ${announcementOf(run, eventTypes.deliveryResume)?.id ?? ''}`;
  await announce(run, { type: eventTypes.deliveryPause, digest, context: wanted, data: placeOf(run) });
}

function isRunning({ status }: Run, context: string): boolean {
  return status.stages?.some((stage) => stage.keptnContext === context && !hasStopped(stage)) ?? false;
}

function placeOf({ object }: Run): { project: string; service: string } {
  return { project: object.spec.project, service: keptnName(object) };
}
