/**
 * What people begin by hand beside a new artifact: to promote what a stage has into the next, and to bring back what it had
 * before. Both are deliveries of their own; what the stage has is told by the events of the service.
 */
import { Terminal } from '../errors/classes.ts';
import { eventTypes, type KeptnEvent } from '../events/event.ts';
import type { ConfigurationChange } from '../events/workflow.ts';
import { deliveryOf } from './delivery.ts';
import type { StageDelivery } from './stage.ts';

export interface StagePlace {
  project: string;
  stage: string;
  service: string;
}

/** A service in a stage, and its past. */
export interface InStage {
  place: StagePlace;
  /** The stages of the project in the order of promotion. */
  order: readonly string[];
  /** Of the service, in all stages, the newest first. */
  events: readonly KeptnEvent[];
}

/** The configuration.change that brings an image into a stage, and no further than `until`. */
export function entering(
  { project, stage, service }: StagePlace,
  image: string,
  until?: string,
): { type: string; data: ConfigurationChange } {
  const canary = { action: 'set', value: 100 } as const;
  const data = { project, service, stage, valuesCanary: { image }, canary, labels: null, ...(until && { until }) };
  return { type: eventTypes.configurationChange, data };
}

/** The image of the newest delivery that has passed the stage; `Terminal` (NotFound) when none has. */
export function imageInStage(from: InStage): string {
  const [newest] = passedIn(deliveriesIn(from));
  if (newest !== undefined) return newest;
  const { project, stage, service } = from.place;
  throw new Terminal('NotFound', `no version of ${service} has passed ${stage} of ${project}`);
}

/** The image that passed the stage before the one that is there, good or not; `Terminal` (NotFound) when there is none. */
export function imageBefore(from: InStage): string {
  const deliveries = deliveriesIn(from);
  // What is deployed directly stays where it failed; what is beside the primary has been taken out.
  const there = deliveries.find(({ phase, strategy }) => phase === 'Ready' || strategy === 'direct')?.image;
  const before = passedIn(deliveries).find((image) => image !== there);
  if (before !== undefined) return before;
  const { project, stage, service } = from.place;
  const only = there === undefined ? '' : ` but ${there}, which is there`;
  throw new Terminal(
    'NotFound',
    `nothing to go back to: no version of ${service} has passed ${stage} of ${project}${only}`,
  );
}

/** `Terminal` (NotFound) behind the last stage, and where the stage is none of the project. */
export function stageBehind({ place: { stage, project }, order }: Pick<InStage, 'place' | 'order'>): string {
  const at = order.indexOf(stage);
  const next = order[at + 1];
  if (at >= 0 && next !== undefined) return next;
  const stages = `${project} has ${order.join(', ')}`;
  throw new Terminal('NotFound', at < 0 ? `there is no stage ${stage}: ${stages}` : `${stage} is the last: ${stages}`);
}

const passedIn = (deliveries: readonly StageDelivery[]): string[] =>
  deliveries.flatMap(({ phase, image }) => (phase === 'Ready' && image ? [image] : []));

/** What each keptn context did in the stage, the newest first. */
function deliveriesIn({ events, place: { stage }, order }: InStage): StageDelivery[] {
  const contexts = Map.groupBy(events, ({ shkeptncontext }) => shkeptncontext);
  return [...contexts.values()]
    .flatMap((own) => deliveryOf(own, order[0] ?? '').stages.get(stage) ?? [])
    .sort((a, b) => Date.parse(b.since) - Date.parse(a.since));
}
