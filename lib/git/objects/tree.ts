/** Git's tree objects: a folder's names, each with the id of a file or of another tree. Immutable. */
import { Terminal } from '../../errors/classes.ts';
import { encodeObject, type EncodedObject } from './object-encoding.ts';

const FILE = '100644';
export const FOLDER = '40000';

export interface TreeItem {
  mode: string;
  id: string;
}

/** In Git's order: by bytes, a folder as if its name ended with a slash. */
export type Tree = ReadonlyMap<string, TreeItem>;

export const emptyTree: Tree = new Map();

export const isFolder = (item: TreeItem | undefined): boolean => item?.mode === FOLDER;
/** Links and submodules that somebody pushed are neither. */
export const isFile = (item: TreeItem | undefined): boolean => item?.mode.startsWith('100') ?? false;

export function decodeTree(content: Buffer): Tree {
  const items = new Map<string, TreeItem>();
  for (let at = 0; at < content.length;) {
    const blank = content.indexOf(0x20, at);
    const end = content.indexOf(0, blank);
    if (blank < 0 || end < 0 || end + 21 > content.length) throw new Error('damaged tree object');
    const id = content.toString('hex', end + 1, end + 21);
    items.set(content.toString('utf8', blank + 1, end), { mode: content.toString('latin1', at, blank), id });
    at = end + 21;
  }
  return items;
}

export function encodeTree(tree: Tree): EncodedObject {
  let size = 0;
  for (const [name, { mode }] of tree) size += mode.length + Buffer.byteLength(name) + 22;
  const content = Buffer.allocUnsafe(size);
  let at = 0;
  for (const [name, { mode, id }] of tree) {
    at += content.write(mode, at, 'latin1');
    content[at++] = 0x20;
    at += content.write(name, at, 'utf8');
    content[at++] = 0;
    at += content.write(id, at, 'hex');
  }
  return encodeObject('tree', content);
}

/** A change of one path: `id` of the blob, null to remove the file or folder. */
export interface TreeChange {
  path: string;
  id: string | null;
}

export type LoadTree = (id: string) => Promise<Tree>;

/** What an edit has made: the new root's id, and every tree that is new, with its object. */
export interface EditedTree {
  id: string;
  trees: { tree: Tree; object: EncodedObject }[];
}

/** The changes in their order on a root tree. Each folder is written once, however many of its files change. */
export async function editTree(root: Tree, changes: readonly TreeChange[], load: LoadTree): Promise<EditedTree> {
  const folder = new FolderEdit(root, load);
  for (const { path, id } of changes) await folder.put(path.split('/'), id, path);
  const trees: EditedTree['trees'] = [];
  return { id: folder.finish(trees), trees };
}

/** The item at a path; undefined when there is none. */
export async function itemAt(root: Tree, path: string, load: LoadTree): Promise<TreeItem | undefined> {
  const segments = path.split('/');
  const last = segments.pop() ?? '';
  let tree = root;
  for (const segment of segments) {
    const item = tree.get(segment);
    if (!item || !isFolder(item)) return undefined;
    tree = await load(item.id);
  }
  return tree.get(last);
}

/** One folder while it is being changed. */
class FolderEdit {
  readonly #load: LoadTree;
  readonly #items: Map<string, TreeItem>;
  readonly #opened = new Map<string, FolderEdit>();
  #sorted = true;

  constructor(tree: Tree, load: LoadTree) {
    this.#items = new Map(tree);
    this.#load = load;
  }

  async put([name = '', ...rest]: string[], id: string | null, path: string): Promise<void> {
    const old = this.#items.get(name);
    if (rest.length > 0) {
      if (old && !isFolder(old)) {
        if (id === null) return;
        throw new Terminal('InvalidField', `${path} would be below a file: ${name} is no folder`);
      }
      if (!old && id === null) return;
      await (await this.#open(name, old)).put(rest, id, path);
    } else if (id === null) {
      this.#items.delete(name);
      this.#opened.delete(name);
    } else {
      if (isFolder(old)) throw new Terminal('InvalidField', `${path} is a folder: choose another name for the file`);
      if (old?.id === id && isFile(old)) return;
      // A file keeps its mode, so that a script that somebody pushed stays executable.
      this.#set(name, { mode: old && isFile(old) ? old.mode : FILE, id });
    }
  }

  /** The folder's id; adds every tree in it that is not as it was. */
  finish(trees: EditedTree['trees']): string {
    for (const [name, folder] of this.#opened) {
      const id = folder.finish(trees);
      // Git has no empty folders.
      if (folder.#items.size === 0) this.#items.delete(name);
      else this.#items.set(name, { mode: FOLDER, id });
    }
    const tree: Tree = this.#sorted ? this.#items : new Map([...this.#items].sort(gitOrder));
    const object = encodeTree(tree);
    if (tree.size > 0) trees.push({ tree, object });
    return object.id;
  }

  async #open(name: string, item: TreeItem | undefined): Promise<FolderEdit> {
    let folder = this.#opened.get(name);
    if (!folder) {
      folder = new FolderEdit(item ? await this.#load(item.id) : emptyTree, this.#load);
      this.#opened.set(name, folder);
      // Its id comes at the end; until then the name is known to be a folder.
      if (!item) this.#set(name, { mode: FOLDER, id: '' });
    }
    return folder;
  }

  #set(name: string, item: TreeItem): void {
    if (this.#items.get(name)?.mode !== item.mode) this.#sorted = false;
    this.#items.set(name, item);
  }
}

function gitOrder(
  [one, { mode: oneMode }]: [string, TreeItem],
  [other, { mode: otherMode }]: [string, TreeItem],
): number {
  const key = (name: string, mode: string): Buffer => Buffer.from(mode === FOLDER ? `${name}/` : name);
  return key(one, oneMode).compare(key(other, otherMode));
}
