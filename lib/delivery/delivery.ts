/** One delivery: the events of a keptn context about a service, folded into its stages and what people want of it. */
import { eventTypes, textIn, type KeptnEvent } from '../events/event.ts';
import { deliveryTypes, stageAfter, type StageDelivery } from './stage.ts';

export interface Delivery {
  /** In the order in which it came to them. */
  stages: ReadonlyMap<string, StageDelivery>;
  paused: boolean;
  aborted: boolean;
  /** The stage behind which it does not go on, where it was not asked into the last. */
  until?: string | undefined;
}

/** `events`: newest first, as the history gives them; `first`: the stage of a configuration.change that names none. */
export function deliveryOf(events: readonly KeptnEvent[], first: string): Delivery {
  const stages = new Map<string, StageDelivery>();
  let [paused, aborted] = [false, false];
  for (const event of events.toReversed().toSorted((a, b) => Date.parse(a.time) - Date.parse(b.time))) {
    if (event.type === eventTypes.deliveryAbort) aborted = true;
    if (event.type === eventTypes.deliveryPause) paused = true;
    if (event.type === eventTypes.deliveryResume) paused = false;
    if (!deliveryTypes.includes(event.type)) continue;
    const name = textIn(event.data, 'stage') || first;
    const stage = stageAfter(stages.get(name), event, name);
    if (stage) stages.set(name, stage);
  }
  return { stages, paused, aborted, until: [...stages.values()].find((stage) => stage.until)?.until };
}
