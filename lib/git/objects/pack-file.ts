/**
 * One pack of git's: many objects in a file, some as differences to others (deltas). Read where an object is, never as
 * a whole. Its files are open while it is in use and until it is closed; it opens them again when it is asked again.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { messageOf } from '../../errors/classes.ts';
import type { Lru } from './lru.ts';
import { inflateExactly, LARGEST_OBJECT, type ObjectType, type StoredObject } from './object-encoding.ts';
import { applyDelta } from './pack-delta.ts';
import { PackIndex } from './pack-index.ts';

const TYPES: Readonly<Record<number, ObjectType>> = { 1: 'commit', 2: 'tree', 3: 'blob', 4: 'tag' };
const OFFSET_DELTA = 6;
const ID_DELTA = 7;
/** Most objects are within it, with their header. */
const FIRST_READ = 4096;
const LONGEST_HEADER = 64;
/** Git makes chains of 50, and refuses more than 4,095. */
const LONGEST_CHAIN = 5000;

/** What is at a place of the pack; a delta with the place of its base. */
interface Entry {
  type: ObjectType | undefined;
  content: Buffer;
  base: number;
}

interface Files {
  index: FileHandle;
  find: PackIndex;
  data: FileHandle;
}

let packs = 0;

export class PackFile {
  /** Without `.idx` or `.pack`. */
  readonly #path: string;
  readonly #bases: Lru<StoredObject>;
  readonly #own = `${packs++}:`;
  #files: Promise<Files> | undefined;
  #users = 0;
  #closeWhenUnused = false;

  /** `bases`: what deltas have led to, shared by all packs. */
  constructor(path: string, bases: Lru<StoredObject>) {
    this.#path = path;
    this.#bases = bases;
  }

  /** Undefined when the object is not in this pack. ENOENT when the pack is gone. */
  async read(id: Buffer): Promise<StoredObject | undefined> {
    this.#users += 1;
    this.#closeWhenUnused = false;
    try {
      const files = await (this.#files ??= this.#open());
      const offset = files.find.find(id);
      return offset === undefined ? undefined : await this.#object(files, offset);
    } finally {
      this.#users -= 1;
      if (this.#closeWhenUnused) this.close();
    }
  }

  /** Closes the files, after the last of the reads that are running. */
  close(): void {
    this.#closeWhenUnused = true;
    if (this.#users > 0) return;
    const files = this.#files;
    this.#files = undefined;
    void files?.then(
      ({ index, data }) => Promise.allSettled([index.close(), data.close()]),
      () => undefined,
    );
  }

  async #open(): Promise<Files> {
    let index: FileHandle | undefined;
    try {
      index = await open(`${this.#path}.idx`, 'r');
      return { index, find: new PackIndex(index.fd), data: await open(`${this.#path}.pack`, 'r') };
    } catch (error) {
      this.#files = undefined;
      await index?.close();
      throw error;
    }
  }

  async #object(files: Files, offset: number): Promise<StoredObject> {
    const deltas: Buffer[] = [];
    let base: StoredObject | undefined;
    for (let at = offset; ;) {
      base = this.#bases.get(this.#own + at);
      if (base) break;
      const entry = await this.#entry(files, at);
      if (entry.type !== undefined) {
        base = { type: entry.type, content: entry.content };
        if (deltas.length > 0) this.#bases.set(this.#own + at, base);
        break;
      }
      deltas.push(entry.content);
      if (deltas.length > LONGEST_CHAIN) throw this.#damaged('an endless chain of deltas');
      at = entry.base;
    }
    if (deltas.length === 0) return base;
    const content = deltas.reduceRight((older, delta) => applyDelta(older, delta, LARGEST_OBJECT), base.content);
    const object = { type: base.type, content };
    // The version before it is often the next one to be asked for, and a delta to this one.
    this.#bases.set(this.#own + offset, object);
    return object;
  }

  async #entry({ data, find }: Files, offset: number): Promise<Entry> {
    let bytes = await readAt(data, offset, FIRST_READ);
    let at = 0;
    let byte = bytes.readUInt8(at++);
    const kind = (byte >> 4) & 7;
    let size = byte & 15;
    for (let scale = 16; byte >= 0x80; scale *= 128) {
      byte = bytes.readUInt8(at++);
      size += (byte & 0x7f) * scale;
    }
    if (size > LARGEST_OBJECT) throw this.#damaged(`an object of ${size} bytes`);
    let base = 0;
    if (kind === OFFSET_DELTA) {
      byte = bytes.readUInt8(at++);
      let back = byte & 0x7f;
      while (byte >= 0x80) {
        byte = bytes.readUInt8(at++);
        back = (back + 1) * 128 + (byte & 0x7f);
      }
      if (back === 0 || back > offset) throw this.#damaged('a delta without a base');
      base = offset - back;
    } else if (kind === ID_DELTA) {
      const found = find.find(bytes.subarray(at, at + 20));
      if (found === undefined) throw this.#damaged('a delta without a base');
      base = found;
      at += 20;
    }
    const type = TYPES[kind];
    if (type === undefined && base === 0) throw this.#damaged(`an object of kind ${kind}`);
    // What does not shrink grows by a little.
    const end = at + size + (size >> 8) + LONGEST_HEADER;
    if (end > bytes.length && bytes.length === FIRST_READ) bytes = await readAt(data, offset, end);
    try {
      return { type, content: await inflateExactly(bytes.subarray(at), size), base };
    } catch (error) {
      throw this.#damaged(messageOf(error));
    }
  }

  #damaged(what: string): Error {
    return new Error(`${this.#path}.pack is damaged: ${what}`);
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
