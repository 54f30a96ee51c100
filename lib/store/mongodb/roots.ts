/**
 * The contexts, each with the order of its oldest event and the names under which it is found: the list of roots is read
 * from their index. A context is written before its events and cannot be changed together with them (a single server
 * has no transactions), so that it may say too much: what it says is checked against its events when it is read.
 */
import type { Filter } from 'mongodb';
import type { EventFilter, Page, PageRequest } from '../port.ts';
import { facets, type Facet } from '../stored.ts';
import type { Collections, ContextDocument, ListedDocument } from './collections.ts';
import { namesOf, orderOf, pageFrom, placesOf, take } from './find.ts';

/** As long as this after the last write of a context its events may still be on their way. */
const ON_ITS_WAY_MS = 10 * 60_000;
/** Events that are fetched together. */
const CHUNK = 10;

interface Root {
  order: string;
  body: string;
}

/** How a context is found by a name; no list when there is none. */
export function facetOf(facet: Facet, name: string | undefined): string[] {
  return name === undefined ? [] : [`${facet}=${name}`];
}

/** Bodies of the oldest events of the contexts in which an event matches. */
export async function findRoots(from: Collections, filter: EventFilter, page: PageRequest): Promise<Page<string>> {
  const { taken, isMore } = await take(rootsOf(from, filter, page), page.size);
  return pageFrom(taken, isMore);
}

/** Puts right what contexts say of events that are no more: those that claim to begin before the oldest event of all. */
export async function pruneContexts(of: Collections, limit: number): Promise<void> {
  const oldest = await of.events.findOne({}, { sort: { order: 1 }, projection: { order: 1 } });
  const filter = oldest ? { order: { $lt: oldest.order } } : {};
  const beforeLong = new Date(Date.now() - ON_ITS_WAY_MS);
  for (const { _id, order } of await of.contexts.find(filter).sort({ order: 1 }).limit(limit).toArray()) {
    const root = await oldestOf(of, _id);
    // With the order that was read: what is written in between stays.
    if (root) await of.contexts.updateOne({ _id, order }, { $set: { order: root.order } });
    else await of.contexts.deleteOne({ _id, order, touched: { $lt: beforeLong } });
  }
}

/** As long as somebody asks: at the places of their contexts, the oldest events. */
async function* rootsOf(from: Collections, filter: EventFilter, page: PageRequest): AsyncGenerator<Root> {
  const contexts = from.contexts
    .find({ ...contextsOf(filter), ...placesOf(filter, orderOf(page.after)) })
    .sort({ order: -1 })
    .batchSize(page.size + 1);
  let chunk: ContextDocument[] = [];
  for await (const context of contexts) {
    if (chunk.push(context) < CHUNK) continue;
    yield* rootsOfChunk(from, filter, chunk);
    chunk = [];
  }
  yield* rootsOfChunk(from, filter, chunk);
}

async function* rootsOfChunk(
  from: Collections,
  filter: EventFilter,
  contexts: readonly ContextDocument[],
): AsyncGenerator<Root> {
  if (contexts.length === 0) return;
  const names = contexts.map(({ _id }) => _id);
  const orders = contexts.map(({ order }) => order);
  const [matching, known] = await Promise.all([
    from.events.distinct('context', { ...namesOf(filter), context: { $in: names } }),
    from.events.find({ order: { $in: orders } }).toArray(),
  ]);
  const matches = new Set(matching);
  const byOrder = new Map(known.map((event) => [event.order, event]));
  for (const { _id, order } of contexts) {
    if (!matches.has(_id)) continue;
    const event = byOrder.get(order) ?? (await oldestOf(from, _id));
    if (event) yield { order, body: event.body };
  }
}

function contextsOf(filter: EventFilter): Filter<ContextDocument> {
  const wanted = facets.flatMap((facet) => facetOf(facet, filter[facet]));
  return {
    ...(filter.keptnContext !== undefined && { _id: { $eq: filter.keptnContext } }),
    ...(wanted.length > 0 && { $and: wanted.map((one) => ({ facets: { $eq: one } })) }),
  };
}

function oldestOf(from: Collections, context: string): Promise<ListedDocument | null> {
  return from.events.findOne({ context: { $eq: context } }, { sort: { order: 1 } });
}
