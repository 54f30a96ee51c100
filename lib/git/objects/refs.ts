/**
 * The branches of one repository, as git keeps them: a file each below refs/heads, moved under git's own lock files so
 * that `git gc` and a `git push` on the machine may run beside us, and read from packed-refs after a gc. Nothing is
 * cached: reading 41 bytes takes 15 µs, and so what another program has pushed is seen.
 */
import { readFileSync } from 'node:fs';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode, Transient } from '../../errors/classes.ts';
import { ignoreMissing } from './durable-files.ts';

const ID = /^[0-9a-f]{40}$/;
const LOCK_TRIES = 50;
const LOCK_PAUSE_MS = 20;

export class Refs {
  readonly #repository: string;

  constructor(repository: string) {
    this.#repository = repository;
  }

  /** The commit of a branch, undefined when there is no such branch. */
  read(branch: string): string | undefined {
    try {
      const id = readFileSync(this.#path(branch), 'latin1').trim();
      // A power failure may leave an empty file: the journal restores it.
      return ID.test(id) ? id : undefined;
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
    try {
      return parsePacked(readFileSync(join(this.#repository, 'packed-refs'), 'utf8')).get(branch);
    } catch (error) {
      return ignoreMissing(error);
    }
  }

  async list(): Promise<string[]> {
    const loose = await readdir(join(this.#repository, 'refs', 'heads'), { withFileTypes: true });
    const names = new Set(loose.filter((entry) => entry.isFile()).map((entry) => entry.name));
    const packed = (await readFile(join(this.#repository, 'packed-refs'), 'utf8').catch(ignoreMissing)) ?? '';
    for (const name of parsePacked(packed).keys()) names.add(name);
    return [...names].filter((name) => !name.endsWith('.lock') && this.read(name) !== undefined).sort();
  }

  /**
   * Moves a branch; null removes it. False, and nothing done, when the branch is not at `from` any more because
   * another program has moved it.
   */
  async move(branch: string, from: string | undefined, to: string | null): Promise<boolean> {
    const path = this.#path(branch);
    const lock = `${path}.lock`;
    await this.#lock(lock, to === null ? '' : `${to}\n`);
    let renamed = false;
    try {
      if (this.read(branch) !== from) return false;
      if (to === null) {
        await this.#removePacked(branch);
        await rm(path, { force: true });
      } else {
        await rename(lock, path);
        renamed = true;
      }
      return true;
    } finally {
      if (!renamed) await rm(lock, { force: true });
    }
  }

  /** Removes locks that a crash has left. Only before anything else uses the repository. */
  async clean(): Promise<void> {
    const heads = join(this.#repository, 'refs', 'heads');
    for (const name of await readdir(heads)) {
      if (name.endsWith('.lock')) await rm(join(heads, name), { force: true });
    }
    await rm(join(this.#repository, 'packed-refs.lock'), { force: true });
  }

  async #removePacked(branch: string): Promise<void> {
    const path = join(this.#repository, 'packed-refs');
    const text = await readFile(path, 'utf8').catch(ignoreMissing);
    if (text === undefined || !parsePacked(text).has(branch)) return;
    await this.#lock(`${path}.lock`, '');
    const now = await readFile(path, 'utf8');
    const rest = now.split('\n').filter((line) => !line.endsWith(` refs/heads/${branch}`));
    await writeFile(`${path}.lock`, rest.join('\n'));
    await rename(`${path}.lock`, path);
  }

  async #lock(path: string, content: string): Promise<void> {
    for (let tries = 0; ; tries += 1) {
      try {
        await writeFile(path, content, { flag: 'wx' });
        return;
      } catch (error) {
        if (!hasCode(error, 'EEXIST')) throw error;
        if (tries === LOCK_TRIES) {
          throw new Transient(`another program holds ${path}; remove that file if none is running`, { cause: error });
        }
        await sleep(LOCK_PAUSE_MS);
      }
    }
  }

  #path(branch: string): string {
    return join(this.#repository, 'refs', 'heads', branch);
  }
}

function parsePacked(text: string): Map<string, string> {
  const refs = new Map<string, string>();
  for (const line of text.split('\n')) {
    const found = /^([0-9a-f]{40}) refs\/heads\/([^/]+)$/.exec(line);
    if (found?.[1] && found[2]) refs.set(found[2], found[1]);
  }
  return refs;
}
