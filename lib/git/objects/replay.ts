/**
 * After a crash: makes again what the journal has and the repository lacks.
 *
 * When only the process was killed, every file that it wrote is there; what may be missing is the round that was being
 * written. When the machine went down, any file since the last checkpoint may be empty, so that all are made again.
 */
import { planCommit } from './plan.ts';
import type { ReplayedRecord } from './journal.ts';
import type { Refs } from './refs.ts';
import type { Snapshots } from './snapshots.ts';

export async function replay(records: readonly ReplayedRecord[], refs: Refs, snapshots: Snapshots): Promise<void> {
  const branches = Map.groupBy(records, ({ branch }) => branch);
  const wanted = new Set(records.filter(({ sameBoot }) => !sameBoot));
  for (const [branch, moves] of branches) {
    const reached = moves.findLastIndex(({ to }) => to === (refs.read(branch) ?? null));
    for (const move of moves.slice(reached + 1)) wanted.add(move);
  }
  for (const record of records) if (wanted.has(record)) await makeAgain(record, snapshots);
  for (const [branch, moves] of branches) {
    const last = moves.at(-1);
    const now = refs.read(branch);
    // A value that we have never written is another program's push: it stays.
    const ours = now === undefined || moves.some(({ from, to }) => from === now || to === now);
    if (!last || !ours || (last.to ?? undefined) === now) continue;
    await refs.move(branch, now, last.to);
  }
}

async function makeAgain({ from, to, commit, contents }: ReplayedRecord, snapshots: Snapshots): Promise<void> {
  if (!commit || to === null) return;
  const rest = [...contents];
  const changes = commit.files.map(({ path, size }) => ({
    path,
    content: size === null ? null : (rest.shift() ?? null),
  }));
  const plan = await planCommit(snapshots, from ?? undefined, { ...commit, changes }, commit.time);
  if (plan?.id !== to) throw new Error(`the journal does not lead to commit ${to}`);
  for (const object of plan.objects) await snapshots.objects.write(object);
  snapshots.endRound(true);
}
