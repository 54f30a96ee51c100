/** What a repository knows of its upstream: refs/remotes/upstream/<branch>, which git moves at each fetch and push. */
import { GitFailure, runGit } from '../../../lib/git/git-program.ts';
import { dnsLabel } from '../../../lib/model/names.ts';

const LOCAL_MS = 60_000;
const REFS = 'refs/remotes/upstream/';

const local = async (folder: string, ...args: string[]): Promise<string> =>
  (await runGit({ folder, args }, LOCAL_MS)).toString().trim();

/** Branch to commit, of the branches whose names a stage can have. */
export async function trackedHeads(folder: string): Promise<Map<string, string>> {
  const text = await local(folder, 'for-each-ref', '--format=%(refname) %(objectname)', REFS);
  const heads = text.split('\n').map((line) => line.slice(REFS.length).split(' '));
  return new Map(
    heads.filter((pair): pair is [string, string] => dnsLabel.safeParse(pair[0]).success && pair.length === 2),
  );
}

/** Forgets the upstream. */
export async function forgetTracking(folder: string): Promise<void> {
  for (const branch of (await trackedHeads(folder)).keys()) await local(folder, 'update-ref', '-d', REFS + branch);
}

/** The newest commit that two have in common; undefined when they have none. */
export async function mergeBase(folder: string, one: string, other: string): Promise<string | undefined> {
  try {
    return (await local(folder, 'merge-base', one, other)).split('\n')[0];
  } catch (error) {
    if (error instanceof GitFailure && error.exitCode === 1) return undefined;
    throw error;
  }
}

/** How many commits of a branch the upstream has not. */
export async function countUnpushed(folder: string, commit: string): Promise<number> {
  return Number(await local(folder, 'rev-list', '--count', commit, '--not', `--glob=${REFS}*`));
}
