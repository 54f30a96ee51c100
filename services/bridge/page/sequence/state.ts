/** All that is known of one keptn context, and what the page makes of it. Pure, but for the reading. */
import { deliveryOf, type Delivery } from '../../../../lib/delivery/delivery.ts';
import { hasStopped, type StageDelivery } from '../../../../lib/delivery/stage.ts';
import { newImage } from '../../../../lib/delivery/stage.ts';
import { eventTypes, textIn, type KeptnEvent } from '../../../../lib/events/event.ts';
import type { Overview } from '../../../../lib/delivery/overview.ts';
import { findAll, findEvents, findLogs, lineIn, type LogLine } from '../api/events.ts';
import { readOverview } from '../project/state.ts';

const MAX = 2_000;

export interface SequenceData {
  /** Oldest first. */
  events: KeptnEvent[];
  /** Oldest first. */
  logs: LogLine[];
  /** Undefined where the project is gone, or was never declared. */
  overview: Overview | undefined;
  isCut: boolean;
}

export async function readSequence(keptnContext: string, signal: AbortSignal): Promise<SequenceData> {
  const [events, logs] = await Promise.all([
    findAll((after) => findEvents({ keptnContext }, after, signal), MAX),
    findAll((after) => findLogs({ keptnContext }, after, signal), MAX),
  ]);
  const project = events.items.map(({ data }) => textIn(data, 'project')).find(Boolean);
  const overview = project === undefined ? undefined : await readOverview(project, signal).catch(() => undefined);
  return {
    events: inOrder(events.items.toReversed()),
    logs: logs.items.toReversed(),
    overview,
    isCut: events.isMore || logs.isMore,
  };
}

/** With an event that has just come; a log event is a line. */
export function sequenceWith(data: SequenceData, event: KeptnEvent): SequenceData {
  if (event.type !== eventTypes.log) {
    if (data.events.some(({ id }) => id === event.id)) return data;
    return { ...data, events: inOrder([...data.events, event]) };
  }
  const line = lineIn(event);
  const isKnown = data.logs.some(
    ({ message, eventId, timestamp }) =>
      message === line.message && eventId === line.eventId && Date.parse(timestamp) === Date.parse(line.timestamp),
  );
  return isKnown ? data : { ...data, logs: [...data.logs, line] };
}

const inOrder = (events: KeptnEvent[]): KeptnEvent[] => events.sort((a, b) => Date.parse(a.time) - Date.parse(b.time));

export interface SequenceView {
  project: string | undefined;
  service: string | undefined;
  image: string | undefined;
  /** Who or what began it. */
  by: string;
  delivery: Delivery;
  /** Where it stopped, if it did. */
  stopped: StageDelivery | undefined;
  /** The newest stage it came to. */
  furthest: StageDelivery | undefined;
}

export function viewOf({ events, overview }: SequenceData): SequenceView {
  const first = overview?.stages[0]?.name ?? firstStageIn(events);
  const delivery = deliveryOf(events.toReversed(), first);
  const stages = [...delivery.stages.values()];
  const find = (name: string): string | undefined => events.map(({ data }) => textIn(data, name)).find(Boolean);
  return {
    project: find('project'),
    service: find('service'),
    image: events.map(newImage).find((one) => one !== undefined),
    by: whoBegan(events[0]),
    delivery,
    stopped: stages.find(hasStopped),
    furthest: stages.at(-1),
  };
}

const firstStageIn = (events: readonly KeptnEvent[]): string =>
  events.map(({ data }) => textIn(data, 'stage')).find(Boolean) ?? '';

/** The person whom the Bridge names in a label, or else the program that sent the first event. */
export function whoBegan(event: KeptnEvent | undefined): string {
  if (!event) return '';
  const { data } = event;
  const labels: unknown = typeof data === 'object' && data !== null && 'labels' in data ? data.labels : undefined;
  return textIn(labels, 'by') ?? event.source.replace(/^https:\/\/github\.com\/keptn\/keptn\//, '');
}

/** The stage of an event: that which it names, or the first for a new artifact. */
export function stageOf(event: KeptnEvent, first: string): string {
  return textIn(event.data, 'stage') || (newImage(event) === undefined ? '' : first);
}
