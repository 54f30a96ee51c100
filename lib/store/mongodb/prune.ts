/** Deletes what is too old or too much, a little at a time: TTL indexes know no count, and not every server has them. */
import type { Collection } from 'mongodb';
import type { Retention } from '../port.ts';
import type { Collections, ListedDocument } from './collections.ts';
import { stampOf } from './order.ts';
import { pruneContexts } from './roots.ts';

/** At most `limit` events and as many entries; how many it did. */
export async function prune(of: Collections, retention: Retention, limit: number): Promise<number> {
  const events = await pruneOne(of.events, retention, limit);
  const logs = await pruneOne(of.logs, retention, limit);
  await pruneContexts(of, limit);
  return events + logs;
}

async function pruneOne(
  collection: Collection<ListedDocument>,
  { maxAgeMs, maxCount }: Retention,
  limit: number,
): Promise<number> {
  const old = maxAgeMs === undefined ? 0 : await deleteOldest(collection, limit, stampOf(Date.now() - maxAgeMs));
  if (maxCount === undefined) return old;
  // From the server's own books; counting would read the index from one end to the other.
  const count = await collection.estimatedDocumentCount();
  return old + (await deleteOldest(collection, Math.min(limit - old, count - maxCount)));
}

async function deleteOldest(collection: Collection<ListedDocument>, limit: number, before?: string): Promise<number> {
  if (limit <= 0) return 0;
  const oldest = await collection
    .find(before === undefined ? {} : { order: { $lt: before } })
    .project<{ _id: string }>({ _id: 1 })
    .sort({ order: 1 })
    .limit(limit)
    .toArray();
  if (oldest.length === 0) return 0;
  const { deletedCount } = await collection.deleteMany({ _id: { $in: oldest.map(({ _id }) => _id) } });
  return deletedCount;
}
