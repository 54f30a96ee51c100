/** The files that two versions do not have in common. Equal folders have equal ids, and are not looked into. */
import type { Difference } from '../port.ts';
import type { Snapshots } from './snapshots.ts';
import { emptyTree, isFile, isFolder, type Tree, type TreeItem } from './tree.ts';

export async function compareTrees(
  snapshots: Snapshots,
  from: string,
  to: string,
  prefix: string,
): Promise<Difference[]> {
  const differences: Difference[] = [];
  const fileOf = (item: TreeItem | undefined): string | null => (item && isFile(item) ? item.id : null);
  const treeOf = async (item: TreeItem | undefined): Promise<Tree> =>
    item && isFolder(item) ? snapshots.tree(item.id) : emptyTree;

  async function compare(one: TreeItem | undefined, other: TreeItem | undefined, path: string): Promise<void> {
    if (one?.id === other?.id && one?.mode === other?.mode) return;
    const [oneFile, otherFile] = [fileOf(one), fileOf(other)];
    if (oneFile !== otherFile) differences.push({ path, from: oneFile, to: otherFile });
    if (!isFolder(one) && !isFolder(other)) return;
    const [oneTree, otherTree] = [await treeOf(one), await treeOf(other)];
    for (const name of new Set([...oneTree.keys(), ...otherTree.keys()])) {
      await compare(oneTree.get(name), otherTree.get(name), path === '' ? name : `${path}/${name}`);
    }
  }

  await compare(await snapshots.itemAt(from, prefix), await snapshots.itemAt(to, prefix), prefix);
  return differences.sort((one, other) => (one.path < other.path ? -1 : 1));
}
