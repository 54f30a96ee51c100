/** Writes batches; what is there already is no error. */
import { MongoBulkWriteError, type Collection } from 'mongodb';
import type { LogEntry } from '../port.ts';
import { facets, type StoredEvent } from '../stored.ts';
import type { Collections, ContextDocument, ListedDocument } from './collections.ts';
import type { Arrivals } from './order.ts';
import { facetOf } from './roots.ts';

const DUPLICATE = 11_000;

/** For each event whether it was new. */
export async function insertEvents(to: Collections, arrivals: Arrivals, events: StoredEvent[]): Promise<boolean[]> {
  const documents = events.map(({ id, time, keptnContext: context, body, ...rest }): ListedDocument => {
    const named = facets.flatMap((facet) => (rest[facet] === undefined ? [] : [[facet, rest[facet]] as const]));
    return { _id: id, order: arrivals.next(time), context, ...Object.fromEntries(named), body };
  });
  // The contexts first: one that says too much is put right when it is read, an event without one would be no root.
  await noteContexts(to.contexts, documents);
  return insertNew(to.events, documents);
}

export function insertLogs(to: Collections, arrivals: Arrivals, entries: LogEntry[]): Promise<boolean[]> {
  const documents = entries.map(({ id, ...entry }): ListedDocument => {
    const order = arrivals.next(Date.parse(entry.timestamp));
    const { keptnContext: context, eventId: event } = entry;
    return { _id: id === undefined ? order : `id ${id}`, order, context, event, body: JSON.stringify(entry) };
  });
  return insertNew(to.logs, documents);
}

async function noteContexts(contexts: Collection<ContextDocument>, documents: ListedDocument[]): Promise<void> {
  const touched = new Date();
  const updates = [...Map.groupBy(documents, ({ context }) => context)].map(([context, ofContext]) => {
    const found = new Set(ofContext.flatMap((document) => facets.flatMap((facet) => facetOf(facet, document[facet]))));
    const oldest = ofContext.reduce((a, b) => (a.order < b.order ? a : b));
    const update = {
      $min: { order: oldest.order },
      $addToSet: { facets: { $each: [...found] } },
      $set: { touched },
    };
    return { updateOne: { filter: { _id: context }, update, upsert: true } };
  });
  await contexts.bulkWrite(updates, { ordered: false });
}

async function insertNew(collection: Collection<ListedDocument>, documents: ListedDocument[]): Promise<boolean[]> {
  try {
    await collection.insertMany(documents, { ordered: false });
    return documents.map(() => true);
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError)) throw error;
    const failures = [error.writeErrors].flat();
    // Without write errors it failed as a whole: a write concern, a server that stepped down.
    if (failures.length === 0 || failures.some(({ code }) => code !== DUPLICATE)) throw error;
    const known = new Set(failures.map(({ index }) => index));
    return documents.map((_, n) => !known.has(n));
  }
}
