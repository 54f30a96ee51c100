/** Reads pages of events and of log entries. */
import type { Collection, Filter } from 'mongodb';
import { cursorOf, placeByText } from '../cursor.ts';
import {
  MAX_COUNT,
  MAX_PAGE_BYTES,
  type CountedPage,
  type EventFilter,
  type LogFilter,
  type Page,
  type PageRequest,
} from '../port.ts';
import { facets } from '../stored.ts';
import type { Collections, ListedDocument } from './collections.ts';
import { behind, stampOf } from './order.ts';

type Times = Pick<EventFilter, 'fromTime' | 'beforeTime'>;

/** Bodies of a page. */
export function findEvents(from: Collections, filter: EventFilter, page: PageRequest): Promise<CountedPage<string>> {
  return find(from.events, namesOf(filter), filter, page);
}

export function findLogs(from: Collections, filter: LogFilter, page: PageRequest): Promise<CountedPage<string>> {
  const names = equal([
    ['context', filter.keptnContext],
    ['event', filter.eventId],
  ]);
  return find(from.logs, names, {}, page);
}

/** What has to be equal. */
export function namesOf(filter: EventFilter): Filter<ListedDocument> {
  const named = facets.map((facet): [string, string | undefined] => [facet, filter[facet]]);
  return equal([['context', filter.keptnContext], ...named]);
}

/** Where the order has to be: by the times, and behind the cursor. */
export function placesOf({ fromTime, beforeTime }: Times, after?: string): { order?: { $gt?: string; $lt?: string } } {
  const $gt = fromTime === undefined ? undefined : behind(stampOf(Date.parse(fromTime)));
  const before = beforeTime === undefined ? undefined : stampOf(Date.parse(beforeTime));
  const [$lt] = [before, after].filter((end) => end !== undefined).sort();
  if ($gt === undefined && $lt === undefined) return {};
  return { order: { ...($gt !== undefined && { $gt }), ...($lt !== undefined && { $lt }) } };
}

/** A cursor is a place by time and text; the order has the time in it. */
export const cursorAt = (order: string): string => cursorOf([0, order]);
export const orderOf = (cursor: string | undefined): string | undefined => placeByText(cursor)?.[1];

/** The first documents of a list until the page is full; `isMore` when there are others. */
export async function take<D extends { body: string }>(
  documents: AsyncIterable<D>,
  size: number,
): Promise<{ taken: D[]; isMore: boolean }> {
  const taken: D[] = [];
  let bytes = 0;
  for await (const document of documents) {
    bytes += document.body.length;
    if (taken.length === size || (bytes > MAX_PAGE_BYTES && taken.length > 0)) return { taken, isMore: true };
    taken.push(document);
  }
  return { taken, isMore: false };
}

export function pageFrom(taken: readonly { order: string; body: string }[], isMore: boolean): Page<string> {
  const last = taken.at(-1);
  return {
    items: taken.map(({ body }) => body),
    next: isMore && last !== undefined ? cursorAt(last.order) : undefined,
  };
}

/** Those that are given. */
function equal(names: readonly (readonly [field: string, value: string | undefined])[]): Filter<ListedDocument> {
  return Object.fromEntries(names.flatMap(([field, $eq]) => ($eq === undefined ? [] : [[field, { $eq }]])));
}

async function find(
  collection: Collection<ListedDocument>,
  names: Filter<ListedDocument>,
  times: Times,
  page: PageRequest,
): Promise<CountedPage<string>> {
  const after = orderOf(page.after);
  const documents = collection
    .find({ ...names, ...placesOf(times, after) })
    .project<{ order: string; body: string }>({ order: 1, body: 1 })
    .sort({ order: -1 })
    .limit(page.size + 1);
  const [total, { taken, isMore }] = await Promise.all([
    collection.countDocuments({ ...names, ...placesOf(times) }, { limit: MAX_COUNT }),
    take(documents, page.size),
  ]);
  return { ...pageFrom(taken, isMore), total };
}
