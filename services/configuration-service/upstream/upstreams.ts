/** The upstreams of all projects: which project follows what, from its creation to its end. */
import { KeptnError, messageOf, Terminal } from '../../../lib/errors/classes.ts';
import { runGit } from '../../../lib/git/git-program.ts';
import type { FirstCommit, GitStore } from '../../../lib/git/port.ts';
import { MAIN_BRANCH } from '../../../lib/model/names.ts';
import type { Logger } from '../../../lib/observe/log.ts';
import { exists, Refusal } from '../refusal.ts';
import { checkAddress } from './address.ts';
import type { Credentials, Upstream } from './credentials.ts';
import { Follower, type UpstreamStatus } from './follower.ts';
import { Remote } from './remote.ts';
import { forgetTracking, trackedHeads } from './tracking.ts';

const LOCAL_MS = 60_000;
const LOAD_RETRY_MS = 5000;

export interface UpstreamsSettings {
  git: GitStore;
  credentials: Credentials;
  /** Upstreams may be plain http and on this machine. */
  allowInsecure: boolean;
  log: Logger;
}

/** What anybody may know of an upstream. */
export interface ShownUpstream {
  url: string;
  user: string;
  status: UpstreamStatus;
}

class EmptyRemote extends Error {}

export class Upstreams {
  readonly #git: GitStore;
  readonly #credentials: Credentials;
  readonly #allowInsecure: boolean;
  readonly #log: Logger;
  readonly #followers = new Map<string, Follower>();
  /** Creations and changes of one project take turns. */
  readonly #turns = new Map<string, Promise<unknown>>();
  #closed = false;

  constructor({ git, credentials, allowInsecure, log }: UpstreamsSettings) {
    this.#git = git;
    this.#credentials = credentials;
    this.#allowInsecure = allowInsecure;
    this.#log = log;
    git.onMove((project) => this.#followers.get(project)?.moved());
  }

  /** Goes on where the process before has ended, in the background: the store of credentials may be away. */
  start(): void {
    void this.#git.repositories().then((projects) => {
      for (const project of projects) void this.#load(project);
    });
  }

  /** Makes a project that begins with its upstream, or alone when there is none. */
  async create(project: string, first: FirstCommit, upstream: Upstream | undefined): Promise<void> {
    await this.#turn(project, async () => {
      if (await this.#git.exists(project)) throw exists('Project already exists');
      if (!upstream) {
        // A creation that was cut off may have left some.
        await this.#credentials.remove(project);
        return void (await this.#git.create(project, first));
      }
      checkAddress(upstream.url, this.#allowInsecure);
      await this.#credentials.set(project, upstream);
      try {
        await this.#begin(project, first, new Remote(upstream, this.#allowInsecure));
      } catch (error) {
        await this.#credentials.remove(project);
        throw error;
      }
    });
  }

  /** Follows another upstream, or none; what cannot be reached is refused and changes nothing. */
  async set(project: string, upstream: Upstream | null): Promise<void> {
    await this.#turn(project, async () => {
      const old = this.#followers.get(project);
      if (!upstream) return this.#leave(project, old);
      const known = old?.remote.upstream;
      const isSame = known?.url === upstream.url && known.user === upstream.user && known.token === upstream.token;
      if (isSame && (await old?.status())?.state !== 'Failed') return;
      checkAddress(upstream.url, this.#allowInsecure);
      const remote = new Remote(upstream, this.#allowInsecure);
      await cloning(remote.defaultBranch(await this.#git.folder(project)));
      if (known && known.url !== upstream.url) await this.#leave(project, old);
      else await old?.close();
      await this.#credentials.set(project, upstream);
      this.#follow(project, remote);
    });
  }

  /** Takes in what the upstream has; a sentence when what is here may be old, undefined also without an upstream. */
  async refresh(project: string): Promise<string | undefined> {
    return this.#followers.get(project)?.refresh();
  }

  async show(project: string): Promise<ShownUpstream | undefined> {
    const follower = this.#followers.get(project);
    if (!follower) return undefined;
    const { url, user } = follower.remote.upstream;
    return { url, user, status: await follower.status() };
  }

  /** Where a new branch begins: at the upstream's of that name, or with `master`. */
  async startOf(project: string, branch: string): Promise<string> {
    const follower = this.#followers.get(project);
    if (!follower) return MAIN_BRANCH;
    await follower.refresh();
    return (await trackedHeads(await this.#git.folder(project))).get(branch) ?? MAIN_BRANCH;
  }

  /** Removes the project here; the upstream stays as it is. */
  async remove(project: string): Promise<boolean> {
    return this.#turn(project, async () => {
      const follower = this.#followers.get(project);
      this.#followers.delete(project);
      await follower?.close();
      const removed = await this.#git.remove(project);
      await this.#credentials.remove(project);
      return removed;
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#followers.values()].map((follower) => follower.close()));
  }

  async #begin(project: string, first: FirstCommit, remote: Remote): Promise<void> {
    try {
      await this.#git.adopt(project, (folder) => cloning(fill(folder, remote)));
      // What the upstream has already stays.
      const missing = first.changes.map(({ path }) => path);
      await this.#git
        .commit(project, { ...first, branch: MAIN_BRANCH, absent: missing })
        .catch((error: unknown) => (isCode(error, 'AlreadyExists') ? undefined : Promise.reject(error as Error)));
    } catch (error) {
      if (!(error instanceof EmptyRemote)) throw error;
      await this.#git.create(project, first);
    }
    this.#follow(project, remote);
  }

  #follow(project: string, remote: Remote): void {
    if (this.#closed) return;
    const follower = new Follower({ git: this.#git, project, remote, log: this.#log });
    this.#followers.set(project, follower);
    follower.moved();
  }

  async #leave(project: string, follower: Follower | undefined): Promise<void> {
    this.#followers.delete(project);
    await follower?.close();
    await this.#credentials.remove(project);
    await forgetTracking(await this.#git.folder(project));
  }

  async #load(project: string): Promise<void> {
    try {
      const upstream = await this.#credentials.get(project);
      if (upstream && !this.#followers.has(project)) this.#follow(project, new Remote(upstream, this.#allowInsecure));
    } catch (error) {
      if (this.#closed) return;
      this.#log.warn({ project, reason: messageOf(error) }, 'credentials of the upstream cannot be read, trying again');
      setTimeout(() => void this.#load(project), LOAD_RETRY_MS).unref();
    }
  }

  async #turn<T>(project: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(project) ?? Promise.resolve()).catch(() => undefined).then(work);
    this.#turns.set(project, turn);
    return turn.finally(() => {
      if (this.#turns.get(project) === turn) this.#turns.delete(project);
    });
  }
}

/** Puts the upstream's branches into an empty repository: those whose names a stage can have, and `master`. */
async function fill(folder: string, remote: Remote): Promise<void> {
  await remote.fetch(folder);
  const heads = await trackedHeads(folder);
  if (heads.size === 0) throw new EmptyRemote();
  if (!heads.has(MAIN_BRANCH)) {
    const begin = await remote.defaultBranch(folder);
    const head = begin === undefined ? undefined : heads.get(begin);
    if (begin === undefined || head === undefined) {
      throw new Terminal('UpstreamRejected', 'it has no branch master, and no default branch to begin with');
    }
    heads.set(MAIN_BRANCH, head);
    heads.delete(begin);
  }
  for (const [branch, commit] of heads) {
    await runGit({ folder, args: ['update-ref', `refs/heads/${branch}`, commit] }, LOCAL_MS);
  }
}

const isCode = (error: unknown, code: string): boolean => error instanceof KeptnError && error.code === code;

/** 0.6.2 answers 400 with this beginning, whatever the reason. */
async function cloning<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof KeptnError) || error.code === 'InvalidField') throw error;
    throw new Refusal(400, error.code, `Could not clone git repository: ${error.message}`);
  }
}
