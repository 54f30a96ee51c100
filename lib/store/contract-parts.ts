/** What the tests of an event store are made of: a place to store, events, all pages, and what a right answer would be. */
import { randomUUID } from 'node:crypto';
import type { KeptnEvent } from '../events/event.ts';
import type { EventFilter, EventStore, LogEntry, Page, PageRequest } from './port.ts';

/** Where a store keeps what it has: fresh for each test. */
export interface Place {
  /** A store on this place; the former one is closed before. */
  open(): Promise<EventStore>;
  remove(): Promise<void>;
}

const START = Date.parse('2026-03-01T12:00:00.000Z');
/** So many milliseconds after a certain noon. */
export const at = (ms: number): string => new Date(START + ms).toISOString();

export function sample(changes: Partial<KeptnEvent> = {}): KeptnEvent {
  return {
    id: randomUUID(),
    type: 'sh.keptn.event.a',
    source: 'contract',
    time: at(0),
    shkeptncontext: 'context',
    data: { project: 'sockshop', stage: 'dev', service: 'carts' },
    ...changes,
  };
}

export function sampleLog(changes: Partial<LogEntry> = {}): LogEntry {
  const texts = { keptnContext: 'context', eventId: 'event', keptnService: 'helm-service', logLevel: 'INFO' };
  return { timestamp: at(0), message: 'a line', ...texts, ...changes };
}

/** The items of all pages, one after the other. */
export async function allOf<T>(ask: (page: PageRequest) => Promise<Page<T>>, size = 100): Promise<T[]> {
  const items: T[] = [];
  let after: string | undefined;
  for (let pages = 0; pages < 10_000; pages += 1) {
    const page: Page<T> = await ask({ size, after });
    items.push(...page.items);
    after = page.next;
    if (after === undefined) return items;
  }
  throw new Error('the pages do not end');
}

export const idsOf = (events: readonly KeptnEvent[]): string[] => events.map(({ id }) => id);

const pick = <T>(list: readonly T[], random: () => number): T => {
  const item = list[Math.floor(random() * list.length)];
  if (item === undefined) throw new Error('an empty list');
  return item;
};

/** An empty name: the event has none. */
const choices = {
  type: ['sh.keptn.event.a', 'sh.keptn.event.b', 'sh.keptn.event.c'],
  source: ['cli', 'helm-service'],
  project: ['sockshop', 'bank', ''],
  stage: ['dev', 'prod', ''],
  service: ['carts', 'orders', 'bank'],
  keptnContext: Array.from({ length: 12 }, (_, n) => `context-${n}`),
};

/** Events with few different values, in few different milliseconds, in no order. */
export function randomEvents(count: number, random: () => number): KeptnEvent[] {
  return Array.from({ length: count }, () => {
    const names = (['project', 'stage', 'service'] as const).flatMap((name) => {
      const value = pick(choices[name], random);
      return value === '' ? [] : [[name, value] as const];
    });
    return sample({
      type: pick(choices.type, random),
      source: pick(choices.source, random),
      shkeptncontext: pick(choices.keptnContext, random),
      time: at(Math.floor(random() * 60)),
      data: Object.fromEntries(names),
    });
  });
}

/** With any of the fields, or none. */
export function randomFilter(random: () => number): EventFilter {
  const filter: EventFilter = {};
  for (const name of Object.keys(choices) as (keyof typeof choices)[]) {
    if (random() < 0.3) filter[name] = pick(choices[name], random);
  }
  if (random() < 0.2) filter.fromTime = at(Math.floor(random() * 60));
  if (random() < 0.2) filter.beforeTime = at(Math.floor(random() * 60));
  return filter;
}

const fieldOf = (event: KeptnEvent, name: 'project' | 'stage' | 'service'): unknown =>
  (event.data as Record<string, unknown>)[name];

function matches(event: KeptnEvent, filter: EventFilter): boolean {
  const wanted: [string | undefined, unknown][] = [
    [filter.keptnContext, event.shkeptncontext],
    [filter.type, event.type],
    [filter.source, event.source],
    ...(['project', 'stage', 'service'] as const).map((name): [string | undefined, unknown] => [
      filter[name],
      fieldOf(event, name),
    ]),
  ];
  return wanted.every(([value, given]) => value === undefined || value === given);
}

const inTime = ({ time }: KeptnEvent, { fromTime, beforeTime }: EventFilter): boolean =>
  (fromTime === undefined || time > fromTime) && (beforeTime === undefined || time < beforeTime);

/** What a store has to answer: `events` in the order in which they arrived. */
export function expectedEvents(events: readonly KeptnEvent[], filter: EventFilter): string[] {
  const found = events.filter((event) => matches(event, filter) && inTime(event, filter));
  return idsOf(newestFirst(found));
}

/** The ids of the roots; roots of one time may come in any order. */
export function expectedRoots(events: readonly KeptnEvent[], filter: EventFilter): string[] {
  const contexts = Map.groupBy(events, ({ shkeptncontext }) => shkeptncontext);
  const roots = [...contexts.values()].flatMap((ofContext) => {
    const root = newestFirst(ofContext).at(-1);
    return root && inTime(root, filter) && ofContext.some((event) => matches(event, filter)) ? [root] : [];
  });
  return idsOf(newestFirst(roots));
}

/** Array.sort is stable, so events of one time stay in the order of arrival, reversed. */
function newestFirst(events: readonly KeptnEvent[]): KeptnEvent[] {
  return events.toReversed().sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0));
}
