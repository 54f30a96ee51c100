/**
 * Loose objects are packed in the background by the git program, one repository at a time, with low priority, and with a
 * pause after each run that keeps it below a quarter of one processor. Readers and writers go on meanwhile: git adds a
 * pack before it removes what that stands for. `--geometric` merges small packs and leaves large ones as they are, so
 * that the work for a commit does not grow with the repository. A run that is cut off leaves nothing but its own
 * temporary files.
 */
import { readdir, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../errors/classes.ts';
import type { Logger } from '../../observe/log.ts';
import { GitFailure, runGit } from '../git-program.ts';
import { ignoreMissing } from './durable-files.ts';

/** As many as git itself leaves loose; 1,700 commits. */
const LOOSE_OBJECTS = 6700;
/** Pause after a run, in times of what it took. */
const REST = 3;
const DEADLINE_MS = 60 * 60_000;
const AFTER_FAILURE_MS = 10 * 60_000;
/** What a run that was killed has left; a running one is younger. */
const OLD_MS = 2 * DEADLINE_MS;

export class Packing {
  readonly #durable: boolean;
  readonly #log: Logger;
  /** Objects that were written since the last run, by folder. */
  readonly #loose = new Map<string, number>();
  readonly #notBefore = new Map<string, number>();
  #running: { folder: string; stop: AbortController; done: Promise<void> } | undefined;
  #isOff = false;

  constructor({ durable, log }: { durable: boolean; log: Logger }) {
    this.#durable = durable;
    this.#log = log;
  }

  /** Counts what an earlier process has left loose in a repository, as git does: by one of 256 folders. */
  async opened(folder: string): Promise<void> {
    const sample = (await readdir(join(folder, 'objects', '17')).catch(ignoreMissing)) ?? [];
    this.wrote(folder, sample.length * 256);
    await removeLeftOvers(folder);
  }

  /** Objects were written; begins to pack when they are many. */
  wrote(folder: string, objects: number): void {
    this.#loose.set(folder, (this.#loose.get(folder) ?? 0) + objects);
    this.#next();
  }

  /** The repository is closed or goes away: its run ends, and there will be none. */
  async closed(folder: string): Promise<void> {
    this.#loose.delete(folder);
    this.#notBefore.delete(folder);
    if (this.#running?.folder !== folder) return;
    this.#running.stop.abort();
    await this.#running.done;
  }

  #next(): void {
    if (this.#running || this.#isOff) return;
    const now = Date.now();
    for (const [folder, loose] of this.#loose) {
      if (loose < LOOSE_OBJECTS || (this.#notBefore.get(folder) ?? 0) > now) continue;
      const stop = new AbortController();
      const done = this.#run(folder, stop.signal).finally(() => {
        this.#running = undefined;
        this.#next();
      });
      this.#running = { folder, stop, done };
      return;
    }
  }

  async #run(folder: string, signal: AbortSignal): Promise<void> {
    this.#loose.set(folder, 0);
    const project = basename(folder, '.git');
    const began = performance.now();
    try {
      await runGit(
        {
          folder,
          args: ['repack', '--geometric=2', '-d', '-q'],
          config: {
            'repack.writeBitmaps': 'false',
            'pack.threads': '1',
            'pack.windowMemory': '64m',
            ...(!this.#durable && { 'core.fsync': 'none' }),
          },
          isBackground: true,
        },
        DEADLINE_MS,
        signal,
      );
      const took = performance.now() - began;
      this.#log.debug({ project, ms: Math.round(took) }, 'packed');
      await sleep(took * REST, undefined, { signal, ref: false }).catch(() => undefined);
    } catch (error) {
      if (signal.aborted) return;
      this.#notBefore.set(folder, Date.now() + AFTER_FAILURE_MS);
      const isMissing = error instanceof GitFailure && error.exitCode === null && error.cause !== undefined;
      if (isMissing) this.#isOff = true;
      const what = isMissing ? 'objects stay loose: there is no git program' : 'packing failed, trying again later';
      this.#log.warn({ project, reason: messageOf(error) }, what);
    }
  }
}

async function removeLeftOvers(folder: string): Promise<void> {
  const packs = join(folder, 'objects', 'pack');
  for (const name of (await readdir(packs).catch(ignoreMissing)) ?? []) {
    if (!/^\.?tmp[-_]/.test(name)) continue;
    const found = await stat(join(packs, name)).catch(ignoreMissing);
    if (found && Date.now() - found.mtimeMs > OLD_MS) await rm(join(packs, name), { force: true });
  }
}
