/**
 * Two histories become one, file by file. What one side changed is taken; where both changed a file it is merged by
 * lines, and where they changed the same lines the upstream's stand, as in 0.6.2. What was here stays in the history.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GitFailure, runGit } from '../../../lib/git/git-program.ts';
import type { Difference, Expectation, FileChange, GitStore } from '../../../lib/git/port.ts';
import { KeptnError } from '../../../lib/errors/classes.ts';

const LOCAL_MS = 60_000;
/** A writer may be faster each time; then the next fetch or push tries again. */
const TRIES = 20;
const author = { name: 'keptn', email: 'keptn@keptn.com' };

export interface Histories {
  git: GitStore;
  project: string;
  branch: string;
  /** Newest commit of both; undefined when they have nothing in common. */
  base: string | undefined;
  theirs: string;
}

/** Makes the merge commit; gives the files in which the upstream's lines stand over ours. */
export async function mergeUpstream(histories: Histories): Promise<string[]> {
  const { git, project, branch, theirs } = histories;
  for (let tries = 1; ; tries += 1) {
    const ours = await git.head(project, branch);
    const { changes, expected, conflicts } = await planMerge(histories, ours);
    const taken = conflicts.length > 0 ? `\n\nTaken from the upstream: ${conflicts.join(', ')}` : '';
    try {
      const message = `Merged the upstream${taken}`;
      await git.commit(project, { branch, changes, expected, message, author, mergeOf: theirs });
      return conflicts;
    } catch (error) {
      const isRace = error instanceof KeptnError && error.code === 'PreconditionFailed';
      if (!isRace || tries === TRIES) throw error;
    }
  }
}

interface Merge {
  changes: FileChange[];
  /** The files that the plan has looked at must still be what they were. */
  expected: Expectation[];
  conflicts: string[];
}

async function planMerge({ git, project, base, theirs }: Histories, ours: string): Promise<Merge> {
  const since = async (commit: string): Promise<Difference[]> =>
    base !== undefined
      ? git.diff(project, base, commit)
      : (await git.tree(project, commit)).map(({ path, id }) => ({ path, from: null, to: id }));
  const own = new Map((await since(ours)).map((difference) => [difference.path, difference]));
  const plan: Merge = { changes: [], expected: [], conflicts: [] };
  const content = async (commit: string, path: string): Promise<Uint8Array> =>
    (await git.read(project, commit, path)) ?? new Uint8Array();

  for (const { path, from, to } of await since(theirs)) {
    const mine = own.get(path);
    if (mine?.to === to) continue;
    plan.expected.push({ path, id: (await git.idOf(project, ours, path)) ?? null });
    if (to === null) {
      // Changed here, removed there.
      if (mine && mine.to !== null) plan.conflicts.push(path);
      plan.changes.push({ path, content: null });
      continue;
    }
    if (mine && mine.to !== null) {
      const common = base !== undefined && from !== null ? await content(base, path) : new Uint8Array();
      const merged = await mergeLines(await content(ours, path), common, await content(theirs, path));
      plan.changes.push({ path, content: merged.content });
      if (merged.conflict) plan.conflicts.push(path);
      continue;
    }
    if (mine) plan.conflicts.push(path);
    plan.conflicts.push(...makeRoom(path, own, plan.changes));
    plan.changes.push({ path, content: await content(theirs, path) });
  }
  return plan;
}

/** A file of ours where they have a folder, or the other way round, goes. */
function makeRoom(path: string, own: ReadonlyMap<string, Difference>, changes: FileChange[]): string[] {
  const inTheWay = [...own.values()].filter(
    (mine) => mine.to !== null && (path.startsWith(`${mine.path}/`) || mine.path.startsWith(`${path}/`)),
  );
  for (const mine of inTheWay) changes.push({ path: mine.path, content: null });
  return inTheWay.map((mine) => mine.path);
}

/** Three versions of a file become one; `conflict` when both sides changed the same lines, and theirs were taken. */
async function mergeLines(
  ours: Uint8Array,
  base: Uint8Array,
  theirs: Uint8Array,
): Promise<{ content: Uint8Array; conflict: boolean }> {
  const folder = await mkdtemp(join(tmpdir(), 'keptn-merge-'));
  try {
    const files = [ours, base, theirs].map((bytes, at) => ({ path: join(folder, String(at)), bytes }));
    for (const { path, bytes } of files) await writeFile(path, bytes);
    const run = (...options: string[]): Promise<Buffer> =>
      runGit({ args: ['merge-file', '-p', ...options, ...files.map(({ path }) => path)] }, LOCAL_MS);
    try {
      return { content: await run('-q'), conflict: false };
    } catch (error) {
      if (!(error instanceof GitFailure) || error.exitCode === null) throw error;
      // 255: binary files, of which one is taken whole; else the number of conflicts.
      const content = error.exitCode > 127 ? theirs : await run('-q', '--theirs');
      return { content, conflict: true };
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
