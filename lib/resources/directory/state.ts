/**
 * What the store itself knows of objects (uid, generation, status, finalizers …), one small file an object, so that a
 * change of one rewrites nothing else. Written whole by rename: a killed process leaves the old or the new state.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isKind, parseStored, type Stored } from '../../model/object.ts';
import type { Logger } from '../../observe/log.ts';

/** An object, and the file that declares it; none for what `apply` made. */
export interface Entry {
  object: Stored;
  source: string | undefined;
}

/** Files in work at once while loading. */
const BATCH = 64;
/** Longer names are cut: Kubernetes allows more characters than a file name may have. */
const MAX_NAME = 200;

const headSchema = z.object({ kind: z.string(), source: z.string().optional() });

export class State {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async load(log: Logger): Promise<Entry[]> {
    await mkdir(this.#directory, { recursive: true });
    const files = (await readdir(this.#directory)).map((file) => join(this.#directory, file));
    // Left by a process that was killed while it wrote.
    for (const file of files.filter((each) => each.endsWith('.tmp'))) await rm(file, { force: true });
    const whole = files.filter((each) => each.endsWith('.json'));
    const entries: Entry[] = [];
    for (let at = 0; at < whole.length; at += BATCH) {
      const batch = whole.slice(at, at + BATCH);
      const texts = await Promise.all(batch.map((file) => readFile(file, 'utf8')));
      for (const [index, text] of texts.entries()) {
        const entry = parse(text);
        if (entry) entries.push(entry);
        else log.warn({ file: batch[index] }, 'state of an object cannot be read, it begins anew');
      }
    }
    return entries;
  }

  async save({ object, source }: Entry): Promise<void> {
    const path = this.#pathOf(object);
    const handle = await open(`${path}.tmp`, 'w', 0o600);
    try {
      await handle.writeFile(JSON.stringify({ ...object, source }));
    } finally {
      await handle.close();
    }
    await rename(`${path}.tmp`, `${path}.json`);
  }

  async remove(object: Stored): Promise<void> {
    await rm(`${this.#pathOf(object)}.json`, { force: true });
  }

  #pathOf({ kind, metadata: { namespace, name } }: Stored): string {
    const plain = encodeURIComponent(`${kind}.${namespace}.${name}`);
    const digest = (): string => createHash('sha256').update(plain).digest('hex').slice(0, 16);
    return join(this.#directory, plain.length <= MAX_NAME ? plain : `${plain.slice(0, MAX_NAME - 17)}-${digest()}`);
  }
}

function parse(text: string): Entry | undefined {
  try {
    const raw: unknown = JSON.parse(text);
    const { kind, source } = headSchema.parse(raw);
    const object = isKind(kind) ? parseStored(kind, raw) : undefined;
    return object && !('problem' in object) ? { object, source } : undefined;
  } catch {
    return undefined;
  }
}
