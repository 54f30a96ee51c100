/**
 * The objects of one repository. Each is written to a temporary file and renamed into place, so that no reader and no
 * crash of the process ever sees half of one. Git may pack them at any time (see packing.ts).
 *
 * Nothing is synced here: the journal has what a power failure may take (see journal.ts).
 */
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode, messageOf } from '../../errors/classes.ts';
import { ignoreMissing } from './durable-files.ts';
import { compressObject, decompressObject, hasId, type EncodedObject, type StoredObject } from './object-encoding.ts';
import { PackFolder, type PackCaches } from './pack-folder.ts';

/** git gc may take the file, or its folder while that is empty, between two steps of ours. */
const TRIES = 5;

export class ObjectFiles {
  readonly #folder: string;
  readonly #packs: PackFolder;
  #serial = 0;

  /** `repository`: the bare repository's folder. */
  constructor(repository: string, caches: PackCaches) {
    this.#folder = join(repository, 'objects');
    this.#packs = new PackFolder(join(this.#folder, 'pack'), caches);
  }

  async write(object: EncodedObject): Promise<void> {
    const packed = await compressObject(object);
    const target = this.#path(object.id);
    for (let attempt = 1; ; attempt += 1) {
      // git gc knows this name and removes what a crash has left.
      const temporary = join(this.#folder, `tmp_obj_${process.pid}_${this.#serial++}`);
      await writeFile(temporary, packed, { flag: 'wx', mode: 0o444 });
      try {
        return await rename(temporary, target);
      } catch (error) {
        if (!hasCode(error, 'ENOENT') || attempt === TRIES) throw error;
        await rm(temporary, { force: true });
        await mkdir(join(target, '..'), { recursive: true });
      }
    }
  }

  /** Undefined when there is no such object. */
  async read(id: string): Promise<StoredObject | undefined> {
    // Git may take it from one place to the other between two looks, in both directions.
    const found = (await this.#find(id)) ?? (await this.#find(id));
    if (found && !hasId(found, id)) throw new Error(`object ${id} is damaged`);
    return found;
  }

  /** Removes what a crashed writer has left. */
  async clean(): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      if (name.startsWith('tmp_obj_')) await rm(join(this.#folder, name), { force: true });
    }
  }

  /** Lets go of the files that are open; a later read opens them again. */
  close(): void {
    this.#packs.close();
  }

  async #find(id: string): Promise<StoredObject | undefined> {
    const packed = await readFile(this.#path(id)).catch(ignoreMissing);
    if (!packed) return this.#packs.read(id);
    try {
      return await decompressObject(packed);
    } catch (error) {
      throw new Error(`object ${id} is damaged: ${messageOf(error)}`, { cause: error });
    }
  }

  #path(id: string): string {
    return join(this.#folder, id.slice(0, 2), id.slice(2));
  }
}
