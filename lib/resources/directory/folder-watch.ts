/**
 * Says when to look at a folder again. Any event of the file watch means no more than that, and a look every few
 * seconds stands in for events that a file system does not tell (network and container mounts, too many files).
 */
import { watch, type FSWatcher } from 'chokidar';
import { messageOf } from '../../errors/classes.ts';
import type { Logger } from '../../observe/log.ts';
import { isIgnored } from './files.ts';

/** Editors and `git checkout` write several files, each in several steps. */
const DEBOUNCE_MS = 50;
/** A folder that never comes to rest is looked at nevertheless. */
const MAX_WAIT_MS = 500;
const POLL_MS = 10_000;

export class FolderWatch {
  readonly #directory: string;
  readonly #onLook: () => void;
  readonly #log: Logger;
  #watcher: FSWatcher | undefined;
  #poll: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** When the look must be at the latest, and is planned for. */
  #due = { latest: Infinity, planned: Infinity };
  #closed = false;

  constructor(directory: string, onLook: () => void, log: Logger) {
    this.#directory = directory;
    this.#onLook = onLook;
    this.#log = log;
  }

  start(): void {
    if (this.#closed) return;
    this.#poll = setInterval(() => this.soon(0), POLL_MS).unref();
    this.#watcher = watch(this.#directory, {
      ignoreInitial: true,
      ignored: (path) => isIgnored(this.#directory, path),
    })
      .on('all', () => this.soon())
      // What happened while the watch was being set up is not told.
      .on('ready', () => this.soon())
      .on('error', (error) => this.#log.warn({ err: messageOf(error) }, 'file watch'));
  }

  /** Looks after a while without another call; by no call is it put off for long. */
  soon(afterMs = DEBOUNCE_MS): void {
    if (this.#closed) return;
    const now = performance.now();
    const latest = Math.min(this.#due.latest, now + Math.max(afterMs, MAX_WAIT_MS));
    this.#plan({ latest, planned: Math.min(now + afterMs, latest) });
  }

  /** Looks at this time unless it does so before. */
  within(afterMs: number): void {
    const at = performance.now() + afterMs;
    if (!this.#closed && at < this.#due.planned) this.#plan({ latest: at, planned: at });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#poll);
    await this.#watcher?.close();
  }

  #plan(due: { latest: number; planned: number }): void {
    this.#due = due;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => {
        this.#due = { latest: Infinity, planned: Infinity };
        this.#onLook();
      },
      Math.max(0, due.planned - performance.now()),
    );
  }
}
