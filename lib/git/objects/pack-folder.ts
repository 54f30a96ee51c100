/**
 * The packs of one repository, which git may replace at any time: it adds the new pack before it removes what that
 * stands for, so that looking again finds what is missing.
 */
import { statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../../errors/classes.ts';
import { ignoreMissing } from './durable-files.ts';
import { Lru } from './lru.ts';
import type { StoredObject } from './object-encoding.ts';
import { PackFile } from './pack-file.ts';

/** Shared by all repositories of a store. */
export interface PackCaches {
  /** Those whose files are open, two each. */
  open: Lru<PackFile>;
  /** What deltas have led to. */
  bases: Lru<StoredObject>;
}

export function createPackCaches(): PackCaches {
  return {
    open: new Lru(
      100,
      () => 1,
      (pack) => pack.close(),
    ),
    bases: new Lru(8 * 1024 * 1024, ({ content }) => content.length + 200),
  };
}

/** A file system's clock may stand still for some milliseconds: two changes then have one time. */
const CLOCK_MS = 1000;
const TRIES = 5;

export class PackFolder {
  readonly #folder: string;
  readonly #caches: PackCaches;
  /** By path without `.idx`. */
  #packs = new Map<string, PackFile>();
  #listed: { at: number; changed: number } | undefined;

  constructor(folder: string, caches: PackCaches) {
    this.#folder = folder;
    this.#caches = caches;
  }

  async read(id: string): Promise<StoredObject | undefined> {
    const wanted = Buffer.from(id, 'hex');
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#refresh();
        for (const [path, pack] of this.#packs) {
          if (!this.#caches.open.get(path)) this.#caches.open.set(path, pack);
          const found = await pack.read(wanted);
          if (found) return found;
        }
        return undefined;
      } catch (error) {
        // Replaced between the listing and the opening.
        if (!hasCode(error, 'ENOENT') || tries === TRIES) throw error;
        this.#listed = undefined;
      }
    }
  }

  close(): void {
    for (const path of this.#packs.keys()) this.#caches.open.delete(path);
    this.#packs.clear();
    this.#listed = undefined;
  }

  async #refresh(): Promise<void> {
    const changed = statSync(this.#folder, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (this.#listed?.changed === changed && this.#listed.at - changed > CLOCK_MS) return;
    const at = Date.now();
    const names = (await readdir(this.#folder).catch(ignoreMissing)) ?? [];
    const paths = names.filter((name) => name.endsWith('.idx')).map((name) => join(this.#folder, name.slice(0, -4)));
    const old = this.#packs;
    this.#packs = new Map(paths.map((path) => [path, old.get(path) ?? new PackFile(path, this.#caches.bases)]));
    for (const path of old.keys()) if (!this.#packs.has(path)) this.#caches.open.delete(path);
    this.#listed = { at, changed };
  }
}
