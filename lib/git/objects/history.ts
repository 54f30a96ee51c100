/** The commits that lead to one, newest first. */
import type { LogEntry } from '../port.ts';
import type { CommitText } from './commit-text.ts';
import type { Snapshots } from './snapshots.ts';

export async function walkLog(snapshots: Snapshots, from: string, limit: number): Promise<LogEntry[]> {
  const seen = new Set([from]);
  // Our commits form a line; a merge that somebody pushed has two ends, taken by time.
  const ends: { id: string; text: CommitText }[] = [{ id: from, text: await snapshots.commit(from) }];
  const entries: LogEntry[] = [];
  while (entries.length < limit) {
    const newest = ends.reduce<number>(
      (best, { text }, at) => (text.time > (ends[best]?.text.time ?? -1) ? at : best),
      0,
    );
    const [next] = ends.splice(newest, 1);
    if (!next) break;
    const { message, author, time, parents } = next.text;
    entries.push({ commit: next.id, message, author, time });
    for (const parent of parents) {
      if (seen.has(parent)) continue;
      seen.add(parent);
      ends.push({ id: parent, text: await snapshots.commit(parent) });
    }
  }
  return entries;
}
