/**
 * What makes a commit durable: one append and one fdatasync for all writers that wait, before any of them is answered.
 *
 * A commit is four small files, whose fsyncs (and those of their folders) would cap a repository at 570 commits/s here.
 * So objects and refs are written without a sync, and the journal holds what is needed to make them again: for each
 * commit its files and its text, from which its trees follow. After `CHECKPOINT_RECORDS` commits a new journal file is
 * begun, the file system is synced once in the background, and the old file goes away.
 *
 * Durable, then, are: the journal file's data and size (fdatasync), its name (fsync of its folder, once a file), and,
 * before a journal file is removed, all that it stands for (syncfs).
 */
import { mkdir, open, readdir, readFile, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { messageOf, Transient } from '../../errors/classes.ts';
import { ignoreMissing, syncFileSystem, syncPath } from './durable-files.ts';

/** Bounds the time that a start after a power failure takes: about 2 s. */
const CHECKPOINT_RECORDS = 4000;
const CHECKPOINT_BYTES = 32 * 1024 * 1024;

const headSchema = z.object({
  branch: z.string(),
  /** The branch before; null when it is new. */
  from: z.string().nullable(),
  /** The branch after; null when it is removed. */
  to: z.string().nullable(),
  commit: z
    .object({
      message: z.string(),
      author: z.object({ name: z.string(), email: z.string() }),
      time: z.int(),
      /** The second parent of a merge. */
      mergeOf: z.string().optional(),
      /** `size` of the content that follows; null: removed. */
      files: z.array(z.object({ path: z.string(), size: z.int().nullable() })),
    })
    .optional(),
});

/** A branch that moves. With `commit` when that makes a new one, whose files' contents are in `contents`. */
export interface JournalRecord extends z.infer<typeof headSchema> {
  contents: readonly Uint8Array[];
}

export interface ReplayedRecord extends JournalRecord {
  /** False when the machine has been started anew since: files that were not synced may be lost. */
  sameBoot: boolean;
}

export class Journal {
  readonly #folder: string;
  readonly #repository: string;
  readonly #boot: string;
  #number = 0;
  #file: FileHandle | undefined;
  #bytes = 0;
  #records = 0;
  #failed: Transient | undefined;
  #checkpoint: Promise<void> = Promise.resolve();

  /** `boot` names the run of the machine. */
  constructor(repository: string, boot: string) {
    this.#repository = repository;
    this.#folder = join(repository, 'keptn-journal');
    this.#boot = boot;
  }

  /** What earlier processes have written and not come to sync, oldest first. */
  async replay(): Promise<ReplayedRecord[]> {
    const records: ReplayedRecord[] = [];
    for (const name of await this.#files()) {
      const [number = '', boot = ''] = name.split('.');
      this.#number = Math.max(this.#number, Number(number));
      const sameBoot = boot === this.#boot && boot !== '';
      for (const record of decodeRecords(await readFile(join(this.#folder, name))))
        records.push({ ...record, sameBoot });
    }
    return records;
  }

  /** Resolves when the records would survive a power failure. */
  async append(records: readonly JournalRecord[]): Promise<void> {
    if (this.#failed) throw this.#failed;
    const bytes = Buffer.concat(records.flatMap(encodeRecord));
    const file = (this.#file ??= await this.#begin());
    try {
      await file.write(bytes, 0, bytes.length, this.#bytes);
      await file.datasync();
    } catch (error) {
      await this.#takeBack(file);
      throw new Transient(`the journal of ${this.#repository} cannot be written: ${messageOf(error)}`, {
        cause: error,
      });
    }
    this.#bytes += bytes.length;
    this.#records += records.length;
  }

  /**
   * Called when everything in the journal has been written to its place: begins a new file if this one is full, and
   * syncs in the background. Waits only if the last sync is still at work.
   */
  async checkpointIfFull(): Promise<void> {
    if (this.#records < CHECKPOINT_RECORDS && this.#bytes < CHECKPOINT_BYTES) return;
    await this.#checkpoint;
    const old = await this.#end();
    // A failed sync leaves the old files, for the next one or a replay.
    this.#checkpoint = this.#forget(old).catch(() => undefined);
  }

  /** Syncs everything and leaves no journal behind. */
  async close(): Promise<void> {
    await this.#checkpoint;
    await this.#end();
    const files = await this.#files();
    if (files.length > 0) await this.#forget(files);
  }

  async #begin(): Promise<FileHandle> {
    const isNew = (await mkdir(this.#folder, { recursive: true })) !== undefined;
    this.#number += 1;
    const name = `${String(this.#number).padStart(8, '0')}.${this.#boot}.journal`;
    const file = await open(join(this.#folder, name), 'wx', 0o600);
    await syncPath(this.#folder);
    if (isNew) await syncPath(this.#repository);
    return file;
  }

  /** Removes what a failed append has left, so that no torn or refused record comes before later ones. */
  async #takeBack(file: FileHandle): Promise<void> {
    try {
      await file.truncate(this.#bytes);
    } catch (error) {
      const message = `the journal of ${this.#repository} is damaged (${messageOf(error)}): restart the service`;
      this.#failed = new Transient(message, { cause: error });
    }
  }

  /** Ends the current file; gives the names of all that are there. */
  async #end(): Promise<string[]> {
    await this.#file?.close();
    this.#file = undefined;
    this.#bytes = 0;
    this.#records = 0;
    return this.#files();
  }

  async #forget(files: readonly string[]): Promise<void> {
    await syncFileSystem(this.#repository);
    for (const name of files) await rm(join(this.#folder, name), { force: true });
  }

  async #files(): Promise<string[]> {
    const names = (await readdir(this.#folder).catch(ignoreMissing)) ?? [];
    return names.filter((name) => name.endsWith('.journal')).sort();
  }
}

/** A record: length and CRC of what follows; length of the JSON, the JSON, the contents. */
function encodeRecord({ contents, ...head }: JournalRecord): Uint8Array[] {
  const json = Buffer.from(JSON.stringify(head));
  const frame = Buffer.allocUnsafe(12);
  const length = 4 + json.length + contents.reduce((sum, content) => sum + content.length, 0);
  frame.writeUInt32BE(length, 0);
  frame.writeUInt32BE(json.length, 8);
  const parts = [frame.subarray(8), json, ...contents];
  frame.writeUInt32BE(
    parts.reduce((crc, part) => crc32(part, crc), 0),
    4,
  );
  return [frame, json, ...contents];
}

/** Up to the first record that is not whole: its writer has got no answer. */
function decodeRecords(bytes: Buffer): JournalRecord[] {
  const records: JournalRecord[] = [];
  for (let at = 0; at + 12 <= bytes.length;) {
    const length = bytes.readUInt32BE(at);
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (length < 4 || body.length < length || crc32(body) !== bytes.readUInt32BE(at + 4)) break;
    const jsonLength = body.readUInt32BE(0);
    const head = headSchema.parse(JSON.parse(body.toString('utf8', 4, 4 + jsonLength)));
    const contents: Buffer[] = [];
    let from = 4 + jsonLength;
    for (const { size } of head.commit?.files ?? []) {
      if (size === null) continue;
      contents.push(body.subarray(from, from + size));
      from += size;
    }
    records.push({ ...head, contents });
    at += 8 + length;
  }
  return records;
}
