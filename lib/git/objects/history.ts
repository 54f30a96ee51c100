/** The commits that lead to one, newest first; all of them, or those that changed a path. */
import { Terminal } from '../../errors/classes.ts';
import type { LogEntry, LogPage, LogRequest } from '../port.ts';
import type { CommitText } from './commit-text.ts';
import type { Snapshots } from './snapshots.ts';

/** A page ends after this many commits even when few of them changed the path: about half a second. */
const MAX_WALK = 5000;
const CURSOR = /^[0-9a-f]{40}(-[0-9a-f]{40})*$/;

interface Visit {
  id: string;
  text: CommitText;
}

export async function walkLog(
  snapshots: Snapshots,
  from: string,
  { limit, path, after }: LogRequest,
): Promise<LogPage> {
  if (after !== undefined && !CURSOR.test(after)) throw new Terminal('InvalidField', 'the key of the page is unknown');
  // Our commits form a line; a merge has two ends, taken by time.
  const ends: Visit[] = [];
  const seen = new Set<string>();
  const add = async (id: string): Promise<void> => {
    if (seen.has(id)) return;
    seen.add(id);
    ends.push({ id, text: await snapshots.commit(id) });
  };
  for (const id of after?.split('-') ?? [from]) await add(id);
  const entries: LogEntry[] = [];
  for (let walked = 0; walked < MAX_WALK && entries.length < limit; walked += 1) {
    const next = takeNewest(ends);
    if (!next) break;
    const { message, author, time, parents } = next.text;
    if (path === undefined || (await changes(snapshots, next, path))) {
      entries.push({ commit: next.id, message, author, time });
    }
    for (const parent of parents) await add(parent);
  }
  return { entries, ...(ends.length > 0 && { next: ends.map(({ id }) => id).join('-') }) };
}

function takeNewest(ends: Visit[]): Visit | undefined {
  let newest = 0;
  for (const [at, { text }] of ends.entries()) if (text.time > (ends[newest]?.text.time ?? 0)) newest = at;
  return ends.splice(newest, 1)[0];
}

/** True when the path is not as in any of the parents: a merge that took one side over has changed nothing. */
async function changes(snapshots: Snapshots, { id, text }: Visit, path: string): Promise<boolean> {
  const now = await snapshots.idAt(id, path);
  if (text.parents.length === 0) return now !== undefined;
  for (const parent of text.parents) if ((await snapshots.idAt(parent, path)) === now) return false;
  return true;
}
