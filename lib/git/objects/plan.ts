/** What a commit consists of: worked out in memory, the same when it is asked for and when the journal is replayed. */
import { Terminal, Waiting } from '../../errors/classes.ts';
import type { CommitRequest } from '../port.ts';
import { encodeCommit } from './commit-text.ts';
import type { JournalRecord } from './journal.ts';
import { encodeObject, type EncodedObject } from './object-encoding.ts';
import type { Snapshots } from './snapshots.ts';
import { editTree, itemAt } from './tree.ts';

export interface CommitPlan {
  id: string;
  objects: EncodedObject[];
  record: Pick<JournalRecord, 'commit' | 'contents'>;
}

type Wanted = Pick<CommitRequest, 'changes' | 'message' | 'author' | 'present' | 'absent' | 'expected' | 'mergeOf'>;

/** `parent`: undefined for the first commit of a repository. Gives undefined when nothing would change. */
export async function planCommit(
  snapshots: Snapshots,
  parent: string | undefined,
  { changes, message, author, present = [], absent = [], expected = [], mergeOf }: Wanted,
  time: number,
): Promise<CommitPlan | undefined> {
  const load = (id: string) => snapshots.tree(id);
  const old = parent === undefined ? undefined : await snapshots.treeOf(parent);
  const root = old === undefined ? new Map() : await load(old);
  for (const path of present) {
    if (!(await itemAt(root, path, load))) throw new Waiting('NotFound', `${path} is not there`);
  }
  for (const path of absent) {
    if (await itemAt(root, path, load)) throw new Terminal('AlreadyExists', `${path} is there already`);
  }
  for (const { path, id } of expected) {
    const found = (path === '' ? old : (await itemAt(root, path, load))?.id) ?? null;
    if (id === undefined ? found === null : found !== id)
      throw new Terminal('PreconditionFailed', `${path || 'the folder'} is not as expected`);
  }
  const blobs = changes.map(({ content }) => content && encodeObject('blob', content));
  const edited = await editTree(
    root,
    changes.map(({ path }, index) => ({ path, id: blobs[index]?.id ?? null })),
    load,
  );
  if (edited.id === old && mergeOf === undefined) return undefined;
  const parents = [parent, mergeOf].filter((id) => id !== undefined);
  const commit = encodeCommit({ tree: edited.id, parents, author, time, message });
  // Later writers of the same round build on these before they are files.
  for (const { tree, object } of edited.trees) snapshots.rememberTree(object.id, tree);
  snapshots.rememberCommit(commit.id, edited.id);
  const files = changes.map(({ path, content }) => ({ path, size: content?.length ?? null }));
  return {
    id: commit.id,
    objects: [...blobs.filter((blob) => blob !== null), ...edited.trees.map(({ object }) => object), commit],
    record: {
      commit: { message, author, time, files, ...(mergeOf !== undefined && { mergeOf }) },
      contents: changes.flatMap(({ content }) => (content ? [content] : [])),
    },
  };
}
