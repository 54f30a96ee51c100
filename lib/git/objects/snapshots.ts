/**
 * What a commit's tree holds, through caches of decoded objects. An object never changes, so nothing is ever
 * invalidated; the caches are bounded and shared by all repositories of a store.
 */
import { Waiting } from '../../errors/classes.ts';
import type { TreeEntry } from '../port.ts';
import { decodeCommit, type CommitText } from './commit-text.ts';
import { Lru } from './lru.ts';
import type { ObjectType } from './object-encoding.ts';
import { ObjectFiles } from './object-files.ts';
import { createPackCaches, type PackCaches } from './pack-folder.ts';
import { decodeTree, FOLDER, isFile, isFolder, itemAt, type Tree, type TreeItem } from './tree.ts';

export interface Caches {
  trees: Lru<Tree>;
  blobs: Lru<Uint8Array>;
  /** Commit to its tree. */
  commits: Lru<string>;
  listings: Lru<readonly TreeEntry[]>;
  packs: PackCaches;
}

/** About 40 MB when all are full. */
export function createCaches(): Caches {
  return {
    trees: new Lru(100_000, (tree) => tree.size + 1),
    blobs: new Lru(16 * 1024 * 1024, (blob) => blob.length + 100),
    commits: new Lru(10_000, () => 1),
    listings: new Lru(50_000, (entries) => entries.length + 1),
    packs: createPackCaches(),
  };
}

/** Git knows this one without a file. */
const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

let repositories = 0;

export class Snapshots {
  readonly objects: ObjectFiles;
  readonly #caches: Caches;
  /** Keeps repositories apart in the shared caches: one must not be read through another's commit ids. */
  readonly #own = `${repositories++}:`;
  /** Trees and commits of the running round: its later writers need them, whether or not the caches have room. */
  readonly #round = { trees: new Map<string, Tree>(), commits: new Map<string, string>() };
  readonly #loading = new Map<string, Promise<Tree>>();

  constructor(repository: string, caches: Caches) {
    this.objects = new ObjectFiles(repository, caches.packs);
    this.#caches = caches;
  }

  /** Knows a tree that is not a file yet, until `endRound`. */
  rememberTree(id: string, tree: Tree): void {
    this.#round.trees.set(id, tree);
  }

  rememberCommit(id: string, tree: string): void {
    this.#round.commits.set(id, tree);
  }

  /** The round's objects are files now, or will never be. */
  endRound(stored: boolean): void {
    if (stored) {
      for (const [id, tree] of this.#round.trees) this.#caches.trees.set(this.#own + id, tree);
      for (const [id, tree] of this.#round.commits) this.#caches.commits.set(this.#own + id, tree);
    }
    this.#round.trees.clear();
    this.#round.commits.clear();
  }

  async tree(id: string): Promise<Tree> {
    const known = this.#round.trees.get(id) ?? this.#caches.trees.get(this.#own + id);
    if (known) return known;
    // Many readers that come at once for a large folder decode it once.
    let loading = this.#loading.get(id);
    if (!loading) {
      loading = this.#content(id, 'tree').then(decodeTree);
      this.#loading.set(id, loading);
      void loading
        .then(
          (tree) => this.#caches.trees.set(this.#own + id, tree),
          () => undefined,
        )
        .finally(() => this.#loading.delete(id));
    }
    return loading;
  }

  async commit(id: string): Promise<CommitText> {
    const found = await this.objects.read(id);
    if (found?.type !== 'commit') throw new Waiting('NotFound', `there is no commit ${id}`);
    return decodeCommit(found.content);
  }

  async treeOf(commit: string): Promise<string> {
    const known = this.#round.commits.get(commit) ?? this.#caches.commits.get(this.#own + commit);
    if (known !== undefined) return known;
    const { tree } = await this.commit(commit);
    this.#caches.commits.set(this.#own + commit, tree);
    return tree;
  }

  async file(commit: string, path: string): Promise<Uint8Array | undefined> {
    const item = await this.itemAt(commit, path);
    if (!item || !isFile(item)) return undefined;
    const known = this.#caches.blobs.get(this.#own + item.id);
    if (known) return known;
    const content = await this.#content(item.id, 'blob');
    this.#caches.blobs.set(this.#own + item.id, content);
    return content;
  }

  /** The files below a folder, sorted by path; none when it is not there. */
  async list(commit: string, prefix: string): Promise<readonly TreeEntry[]> {
    const folder = await this.itemAt(commit, prefix);
    if (!folder || !isFolder(folder)) return [];
    const { id } = folder;
    const key = `${this.#own}${id}:${prefix}`;
    const known = this.#caches.listings.get(key);
    if (known) return known;
    const entries: TreeEntry[] = [];
    await this.#collect(id, prefix === '' ? '' : `${prefix}/`, entries);
    entries.sort((one, other) => (one.path < other.path ? -1 : 1));
    this.#caches.listings.set(key, entries);
    return entries;
  }

  async #collect(id: string, prefix: string, entries: TreeEntry[]): Promise<void> {
    for (const [name, item] of await this.tree(id)) {
      if (isFolder(item)) await this.#collect(item.id, `${prefix}${name}/`, entries);
      else if (isFile(item)) entries.push({ path: prefix + name, id: item.id });
    }
  }

  /** The file or folder at a path, '' for the top folder. */
  async itemAt(commit: string, path: string): Promise<TreeItem | undefined> {
    const root = await this.treeOf(commit);
    return path === '' ? { mode: FOLDER, id: root } : itemAt(await this.tree(root), path, (id) => this.tree(id));
  }

  async idAt(commit: string, path: string): Promise<string | undefined> {
    return (await this.itemAt(commit, path))?.id;
  }

  async #content(id: string, type: ObjectType): Promise<Buffer> {
    if (type === 'tree' && id === EMPTY_TREE) return Buffer.alloc(0);
    const found = await this.objects.read(id);
    if (found?.type !== type) throw new Error(`${type} ${id} is missing in the repository`);
    return found.content;
  }
}
