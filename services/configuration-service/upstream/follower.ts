/**
 * One project and its upstream. Commits are pushed in the background, all that wait in one push; readers who come
 * together share a fetch. A failure is kept, told, and tried again with backoff; writers never wait for any of it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { KeptnError, messageOf, Transient } from '../../../lib/errors/classes.ts';
import type { Code } from '../../../lib/errors/codes.ts';
import type { GitStore } from '../../../lib/git/port.ts';
import type { Logger } from '../../../lib/observe/log.ts';
import { mergeUpstream } from './merge.ts';
import type { Remote } from './remote.ts';
import { codeOf, RemoteMoved } from './remote.ts';
import { countUnpushed, mergeBase, trackedHeads } from './tracking.ts';

/** A reader waits this long for a fetch, and then reads what is here. */
const READER_MS = 5000;
const FETCH_BACKOFF = { first: 1000, longest: 60_000 };
const PUSH_BACKOFF = { first: 1000, longest: 300_000 };
/** Fetch, merge and push again, when others push at the same time. */
const ROUNDS = 5;
const CLOSE_MS = 5000;

export interface UpstreamStatus {
  /** Synced: the upstream has every commit. Pending: some are on their way. Failed: see `code` and `message`. */
  state: 'Synced' | 'Pending' | 'Failed';
  code?: Code;
  message?: string;
  /** Commits that the upstream has not, by branch. */
  unpushed: Record<string, number>;
  /** When it was pushed to or fetched from last, RFC 3339. */
  lastSync?: string;
}

interface Lane {
  failures: number;
  error?: unknown;
  notBefore: number;
}

export interface FollowerSettings {
  git: GitStore;
  project: string;
  remote: Remote;
  log: Logger;
}

export class Follower {
  readonly remote: Remote;
  readonly #git: GitStore;
  readonly #project: string;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  #wake = new AbortController();
  readonly #pushes: Lane = { failures: 0, notBefore: 0 };
  readonly #fetches: Lane = { failures: 0, notBefore: 0 };
  #unpushed = false;
  #pushing: Promise<void> | undefined;
  /** The fetch that runs, and the one that begins after it, for readers who came meanwhile. */
  #fetching: Promise<void> = Promise.resolve();
  #nextFetch: Promise<void> | undefined;
  #lastSync: Date | undefined;
  #lastMerge: string | undefined;

  constructor({ git, project, remote, log }: FollowerSettings) {
    this.#git = git;
    this.#project = project;
    this.remote = remote;
    this.#log = log.child({ project });
  }

  /** Something may have to be pushed. */
  moved(): void {
    this.#unpushed = true;
    this.#pushing ??= this.#pushAll().finally(() => {
      this.#pushing = undefined;
      // A commit may have come between the last look and now.
      if (this.#unpushed && !this.#stop.signal.aborted) this.moved();
    });
  }

  /** Takes in what the upstream has; a sentence when what is here may be old. */
  async refresh(): Promise<string | undefined> {
    if (Date.now() < this.#fetches.notBefore) return messageOf(this.#fetches.error);
    const answered = new AbortController();
    const { signal } = answered;
    const late = sleep(READER_MS, `no answer of the upstream within ${READER_MS / 1000} s`, { ref: false, signal });
    const fetched = this.fetch().then(
      () => undefined,
      (error: unknown) => messageOf(error),
    );
    try {
      return await Promise.race([fetched, late]);
    } finally {
      // Many readers must not leave many timers; who has been late is heard no more.
      late.catch(() => undefined);
      answered.abort();
    }
  }

  /** Fetches and integrates; resolves with the first fetch that begins after this call. */
  fetch(): Promise<void> {
    this.#nextFetch ??= this.#fetching
      .catch(() => undefined)
      .then(() => {
        this.#nextFetch = undefined;
        this.#fetching = this.#attempt(this.#fetches, FETCH_BACKOFF, () => this.#fetchOnce());
        return this.#fetching.then(() => this.#pushAgain());
      });
    return this.#nextFetch;
  }

  async status(): Promise<UpstreamStatus> {
    const unpushed: Record<string, number> = {};
    for (const { branch, local } of await this.#ahead()) {
      const commits = await countUnpushed(await this.#git.folder(this.#project), local);
      if (commits > 0) unpushed[branch] = commits;
    }
    const failed = [this.#pushes, this.#fetches].find(({ failures }) => failures > 0);
    const isPending = Object.keys(unpushed).length > 0;
    const message = failed ? messageOf(failed.error) : this.#lastMerge;
    return {
      state: failed ? 'Failed' : isPending ? 'Pending' : 'Synced',
      ...(failed && { code: codeOf(failed.error) }),
      ...(message !== undefined && { message }),
      unpushed,
      ...(this.#lastSync && { lastSync: this.#lastSync.toISOString() }),
    };
  }

  /** Lets a push that runs end, for some seconds. */
  async close(): Promise<void> {
    this.#unpushed = false;
    const deadline = new AbortController();
    await Promise.race([this.#pushing, sleep(CLOSE_MS, undefined, { signal: deadline.signal })]).catch(() => undefined);
    deadline.abort();
    this.#stop.abort();
    await Promise.allSettled([this.#pushing, this.#fetching, this.#nextFetch]);
  }

  async #pushAll(): Promise<void> {
    while (this.#unpushed && !this.#stop.signal.aborted) {
      this.#unpushed = false;
      try {
        await this.#attempt(this.#pushes, PUSH_BACKOFF, () => this.#pushOnce());
        // Who takes a push would answer a fetch.
        Object.assign(this.#fetches, { failures: 0, notBefore: 0 });
      } catch {
        this.#unpushed = true;
        const wait = this.#pushes.notBefore - Date.now();
        const signal = AbortSignal.any([this.#stop.signal, this.#wake.signal]);
        await sleep(wait, undefined, { ref: false, signal }).catch(() => undefined);
      }
    }
  }

  async #attempt(lane: Lane, { first, longest }: typeof PUSH_BACKOFF, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      lane.failures = 0;
      this.#lastSync = new Date();
    } catch (error) {
      lane.failures += 1;
      lane.error = error;
      const delay = Math.min(longest, first * 2 ** (lane.failures - 1));
      lane.notBefore = Date.now() + delay * (0.8 + Math.random() * 0.4);
      const reason = error instanceof KeptnError ? { code: error.code, reason: error.message } : { err: error };
      if (!this.#stop.signal.aborted) this.#log.warn({ ...reason, failures: lane.failures }, 'upstream is not in sync');
      throw error;
    }
  }

  /** The upstream answers again: what waits to be pushed need not wait for its backoff. */
  #pushAgain(): void {
    if (this.#pushes.failures === 0 || codeOf(this.#pushes.error) !== 'UpstreamAway') return;
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  async #pushOnce(): Promise<void> {
    for (let round = 1; ; round += 1) {
      const ahead = await this.#ahead();
      if (ahead.length === 0) return;
      try {
        const folder = await this.#git.folder(this.#project);
        await this.remote.push(
          folder,
          ahead.map(({ branch }) => branch),
          this.#stop.signal,
        );
        return;
      } catch (error) {
        if (!(error instanceof RemoteMoved)) throw error;
        if (round === ROUNDS) throw new Transient('others push to the upstream all the time', { cause: error });
        await this.fetch();
      }
    }
  }

  async #fetchOnce(): Promise<void> {
    await this.remote.fetch(await this.#git.folder(this.#project), this.#stop.signal);
    for (const { branch, local, remote } of await this.#ahead()) {
      if (remote !== undefined) await this.#integrate(branch, local, remote);
    }
  }

  async #integrate(branch: string, local: string, theirs: string): Promise<void> {
    const folder = await this.#git.folder(this.#project);
    const base = await mergeBase(folder, local, theirs);
    if (base === theirs) return;
    if (base === local) {
      try {
        await this.#git.moveBranch(this.#project, branch, local, theirs);
        return;
      } catch (error) {
        // A writer was faster: now both have commits of their own.
        if (!(error instanceof KeptnError) || error.code !== 'HeadMoved') throw error;
      }
    }
    const taken = await mergeUpstream({ git: this.#git, project: this.#project, branch, base, theirs });
    const files =
      taken.length > 0 ? `; where both had changed the same, the upstream's stands: ${taken.join(', ')}` : '';
    this.#lastMerge = `${branch} was merged with the upstream${files}`;
    this.#log.info({ branch, theirs, taken }, 'merged the upstream');
  }

  /** The branches that are elsewhere in the upstream, or not there. */
  async #ahead(): Promise<{ branch: string; local: string; remote: string | undefined }[]> {
    const tracked = await trackedHeads(await this.#git.folder(this.#project));
    const different = [];
    for (const branch of await this.#git.branches(this.#project)) {
      const local = await this.#git.head(this.#project, branch);
      const remote = tracked.get(branch);
      if (remote !== local) different.push({ branch, local, remote });
    }
    return different;
  }
}
