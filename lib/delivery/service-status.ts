/** What the status of a Service says of its deliveries, after another of their events. */
import { eventTypes, textIn, type KeptnEvent } from '../events/event.ts';
import type { Condition, StageStatus, Status } from '../model/status.ts';
import { hasStopped, isOver, newImage, phases, stageAfter, type Phase, type StageDelivery } from './stage.ts';

const isPhase = (text: string): text is Phase => phases.some((phase) => phase === text);

/** `order`: the stages in the order of promotion. */
export function stagesAfter(
  before: readonly StageStatus[],
  event: KeptnEvent,
  order: readonly string[],
): StageStatus[] {
  const named = textIn(event.data, 'stage') || (newImage(event) === undefined ? undefined : order[0]);
  // A pause is of the delivery, wherever it is.
  const concerned = named === undefined ? before.map(({ name }) => name) : [named];
  const stages = new Map(before.filter(({ name }) => order.includes(name)).map((stage) => [stage.name, stage]));
  for (const name of concerned) {
    const stage = statusAfter(stages.get(name), event, name);
    if (stage && order.includes(name)) stages.set(name, stage);
  }
  return order.flatMap((name) => stages.get(name) ?? []);
}

function statusAfter(before: StageStatus | undefined, event: KeptnEvent, name: string): StageStatus | undefined {
  const { shkeptncontext: keptnContext, time, type } = event;
  const known = before && withoutNext(before);
  const image = newImage(event);
  if (
    known &&
    image !== undefined &&
    known.keptnContext !== keptnContext &&
    !isOver(known) &&
    known.phase !== 'Approving'
  ) {
    return { ...known, next: { keptnContext, image, since: time } };
  }
  const next =
    before?.next?.keptnContext === keptnContext && type === eventTypes.deliveryFinished ? undefined : before?.next;
  // Whatever was believed to be there: this one is.
  const isTaken = type === eventTypes.deploymentFinished && known?.keptnContext !== keptnContext;
  const begun: StageDelivery | undefined = isTaken
    ? { name, keptnContext, phase: 'Deploying', message: '', startedAt: time, since: time }
    : known;
  const after = stageAfter(begun, event, name);
  if (!after) return undefined;
  if (next && next.keptnContext !== after.keptnContext) {
    if (!isOver(after)) return { ...after, next };
    const message = `deploying ${next.image}`;
    return {
      name,
      keptnContext: next.keptnContext,
      phase: 'Deploying',
      image: next.image,
      message,
      startedAt: next.since,
      since: time,
    };
  }
  return after;
}

function withoutNext({ next, phase, ...rest }: StageStatus): StageDelivery {
  void next;
  return { ...rest, phase: isPhase(phase) ? phase : 'Failed' };
}

/** The newest delivery, where it is furthest. */
export function newestOf(stages: readonly StageStatus[]): Status['delivery'] {
  const newest = stages.toSorted((a, b) => Date.parse(b.startedAt) - Date.parse(a.startedAt))[0];
  if (!newest) return undefined;
  const first = stages.filter(({ keptnContext }) => keptnContext === newest.keptnContext);
  const { name: stage, phase, image, score, keptnContext } = first.at(-1) ?? newest;
  return { stage, phase, image, score, keptnContext };
}

/** Whether the newest delivery has reached the last stage, and if not why: a sentence for people. */
export function deliveredOf(
  stages: readonly StageStatus[],
  last: string | undefined,
): Omit<Condition, 'lastTransitionTime' | 'type'> | undefined {
  const delivery = newestOf(stages);
  if (!delivery) return undefined;
  const own = stages.filter(({ keptnContext }) => keptnContext === delivery.keptnContext);
  const at = own.find(({ name }) => name === delivery.stage);
  const ended = own.find(hasStopped);
  const image = delivery.image ?? 'the artifact';
  if (ended) {
    return { status: 'False', reason: ended.phase, message: `${image} ended in ${ended.name}: ${ended.message}` };
  }
  if (at?.phase === 'Ready' && at.name === last) {
    return { status: 'True', reason: 'Delivered', message: `${image} is in ${at.name}` };
  }
  if (at?.phase === 'Ready' && at.until === at.name) {
    return { status: 'False', reason: 'NotFurther', message: `${image} is in ${at.name}, and was to go no further` };
  }
  if (at?.paused)
    return { status: 'False', reason: 'Paused', message: `${image} is paused in ${at.name}: keptn resume goes on` };
  const reason = delivery.phase === 'Ready' ? 'Promoting' : delivery.phase;
  return { status: 'False', reason, message: `${image} in ${delivery.stage}: ${at?.message ?? ''}` };
}
