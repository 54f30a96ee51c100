/**
 * The Git port on bare repositories in a folder, `<directory>/<name>.git`, which any git program can read meanwhile. Written
 * by our own object writer: temporary file and rename, one durable step for all writers that wait (see journal.ts).
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { messageOf, Terminal, Transient, Waiting } from '../../errors/classes.ts';
import type { Logger } from '../../observe/log.ts';
import { dnsLabel, MAIN_BRANCH } from '../../model/names.ts';
import type { GitStore } from '../port.ts';
import { bootId, lockFolder } from './folder-lock.ts';
import { Folders } from './folders.ts';
import { isCommitId } from './commit-text.ts';
import { compareTrees } from './compare.ts';
import { walkLog } from './history.ts';
import { Packing } from './packing.ts';
import { planCommit } from './plan.ts';
import { Repository } from './repository.ts';
import { createCaches, Snapshots } from './snapshots.ts';

export interface ObjectGitSettings {
  directory: string;
  /**
   * True, the default: an answered write survives a power failure. False: it survives the death of the process, and
   * git's files may be damaged when the machine goes down.
   */
  durable?: boolean;
  log: Logger;
}

/** Opens the folder, which no other process may use meanwhile, and recovers from a crash. */
export async function createObjectGit({ directory, durable = true, log }: ObjectGitSettings): Promise<GitStore> {
  const folder = resolve(directory);
  await mkdir(folder, { recursive: true });
  const unlock = await lockFolder(folder);
  try {
    const folders = new Folders(folder, durable);
    await folders.open();
    const caches = createCaches();
    const listeners: ((repository: string) => void)[] = [];
    const moved = (name: string): void => listeners.forEach((listener) => listener(name));
    const packing = new Packing({ durable, log });
    const settings = { durable, boot: bootId(), caches, packing, moved };
    const open = (name: string): Repository => new Repository({ ...settings, name, folder: folders.path(name) });
    const repositories = new Map<string, Repository>();
    for (const name of await folders.list()) {
      const repository = open(name);
      try {
        await repository.recover();
      } catch (error) {
        // One damaged project must not keep the others from working.
        log.error({ project: name, err: error }, 'repository cannot be recovered');
        repository.failure = new Transient(`repository ${name} cannot be recovered: ${messageOf(error)}`, {
          cause: error,
        });
      }
      repositories.set(name, repository);
    }
    return new ObjectGit(folders, repositories, open, listeners, unlock);
  } catch (error) {
    await unlock();
    throw error;
  }
}

class ObjectGit implements GitStore {
  readonly #folders: Folders;
  readonly #repositories: Map<string, Repository>;
  readonly #open: (name: string) => Repository;
  readonly #unlock: () => Promise<void>;
  readonly #deletions = new Set<Promise<void>>();
  readonly #listeners: ((repository: string) => void)[];
  #closed = false;

  constructor(
    folders: Folders,
    repositories: Map<string, Repository>,
    open: (name: string) => Repository,
    listeners: ((repository: string) => void)[],
    unlock: () => Promise<void>,
  ) {
    this.#folders = folders;
    this.#repositories = repositories;
    this.#open = open;
    this.#listeners = listeners;
    this.#unlock = unlock;
  }

  repositories: GitStore['repositories'] = async () => [...this.#repositories.keys()].sort();

  exists: GitStore['exists'] = async (name) => this.#repositories.has(name);

  create: GitStore['create'] = async (name, first) => {
    let head = '';
    await this.adopt(name, async (folder) => {
      const snapshots = new Snapshots(folder, createCaches());
      const plan = await planCommit(snapshots, undefined, first, Math.floor(Date.now() / 1000));
      if (!plan) throw new Terminal('InvalidField', `repository ${name} needs a file in its first commit`);
      for (const object of plan.objects) await snapshots.objects.write(object);
      await writeFile(join(folder, 'refs', 'heads', MAIN_BRANCH), `${plan.id}\n`);
      head = plan.id;
    });
    return head;
  };

  adopt: GitStore['adopt'] = async (name, fill) => {
    this.#refuseIfClosed();
    await this.#folders.create(name, fill);
    this.#repositories.set(name, this.#open(name));
    for (const listener of this.#listeners) listener(name);
  };

  remove: GitStore['remove'] = async (name) => {
    this.#refuseIfClosed();
    const repository = this.#repositories.get(name);
    if (!repository) return false;
    // Taken out first: of two that remove it at once, one finds nothing.
    this.#repositories.delete(name);
    try {
      await repository.close();
      const deletion = (await this.#folders.remove(name))();
      this.#deletions.add(deletion);
      // What cannot be deleted now is deleted at the next start.
      void deletion.catch(() => undefined).finally(() => this.#deletions.delete(deletion));
    } catch (error) {
      this.#repositories.set(name, this.#open(name));
      throw error;
    }
    return true;
  };

  branches: GitStore['branches'] = (name) => this.#read(name, (repository) => repository.refs.list());

  head: GitStore['head'] = (name, branch) => this.#read(name, async (repository) => repository.head(checked(branch)));

  createBranch: GitStore['createBranch'] = async (name, branch, from) =>
    this.#writable(name).createBranch(checked(branch), isCommitId(from) ? from : checked(from));

  moveBranch: GitStore['moveBranch'] = async (name, branch, from, to) =>
    this.#writable(name).moveBranch(checked(branch), from, to);

  removeBranch: GitStore['removeBranch'] = async (name, branch) => {
    if (branch === MAIN_BRANCH) throw new Terminal('InvalidField', `${MAIN_BRANCH} cannot be removed`);
    return this.#writable(name).removeBranch(checked(branch));
  };

  commit: GitStore['commit'] = async (name, request) => {
    checked(request.branch);
    return this.#writable(name).commit(request);
  };

  read: GitStore['read'] = (name, ref, path) =>
    this.#read(name, (repository) => repository.snapshots.file(commitOf(repository, ref), path));

  tree: GitStore['tree'] = (name, ref, prefix = '') =>
    this.#read(name, async (repository) => [...(await repository.snapshots.list(commitOf(repository, ref), prefix))]);

  idOf: GitStore['idOf'] = (name, ref, path) =>
    this.#read(name, (repository) => repository.snapshots.idAt(commitOf(repository, ref), path));

  diff: GitStore['diff'] = (name, from, to, prefix = '') =>
    this.#read(name, async (repository) =>
      compareTrees(repository.snapshots, commitOf(repository, from), commitOf(repository, to), prefix),
    );

  log: GitStore['log'] = (name, ref, request) =>
    this.#read(name, async (repository) => walkLog(repository.snapshots, commitOf(repository, ref), request));

  folder: GitStore['folder'] = (name) => this.#read(name, async (repository) => repository.folder);

  onMove: GitStore['onMove'] = (listener) => void this.#listeners.push(listener);

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const repository of this.#repositories.values()) await repository.close();
    await Promise.allSettled(this.#deletions);
    await this.#unlock();
  }

  #refuseIfClosed(): void {
    if (this.#closed) throw new Transient('the Git store is being closed');
  }

  #find(name: string): Repository {
    const repository = this.#repositories.get(name);
    if (!repository) throw new Waiting('NotFound', `there is no repository ${JSON.stringify(name.slice(0, 80))}`);
    if (repository.failure) throw repository.failure;
    return repository;
  }

  #writable(name: string): Repository {
    this.#refuseIfClosed();
    return this.#find(name);
  }

  async #read<T>(name: string, use: (repository: Repository) => Promise<T>): Promise<T> {
    this.#refuseIfClosed();
    const repository = this.#find(name);
    try {
      return await use(repository);
    } catch (error) {
      // Removed while it was being read.
      if (this.#repositories.get(name) !== repository) this.#find(name);
      throw error;
    }
  }
}

/** A branch is a file below refs/heads: its name must stay there, and must not look like a commit id. */
function checked(branch: string): string {
  if (dnsLabel.safeParse(branch).success && !isCommitId(branch)) return branch;
  throw new Terminal('InvalidField', `branch ${JSON.stringify(branch.slice(0, 80))}: no DNS label`);
}

function commitOf(repository: Repository, ref: string): string {
  return isCommitId(ref) ? ref : repository.head(checked(ref));
}
