/**
 * How far one durable is: a journal of tries and verdicts in a file. It is written but not synced, so a killed process
 * loses nothing, and a power failure no more than verdicts: those events come again. Tries are noted before the
 * handler runs, so an event that kills the process is counted.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, utimesSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { hasCode } from '../../errors/classes.ts';
import { parseJson } from '../../errors/parse-json.ts';

const tries = z.tuple([z.literal('try'), z.int(), z.int()]);
const done = z.tuple([z.literal('done'), z.int()]);
/** Everything up to here is done: the first line of a journal, and one now and then. */
const floor = z.tuple([z.literal('floor'), z.int()]);
const entry = z.union([tries, done, floor]);

const COMPACT_LINES = 20_000;

export class Cursor {
  readonly #path: string;
  #fd = -1;
  #lines = 0;
  #floor: number;
  #writtenFloor = 0;
  readonly #done = new Set<number>();
  readonly #tries = new Map<number, number>();

  private constructor(path: string, start: number) {
    this.#path = path;
    this.#floor = start;
  }

  /** The cursor in this file; a new one begins after `start`. */
  static open(path: string, start: number): Cursor {
    const cursor = new Cursor(path, start);
    cursor.#load();
    cursor.#compact();
    syncFolder(dirname(path));
    return cursor;
  }

  /** The floor in a file that nobody has open. */
  static floorOf(path: string): number {
    const cursor = new Cursor(path, 0);
    cursor.#load();
    return cursor.#floor;
  }

  /** Every record up to this one has its verdict. */
  get floor(): number {
    return this.#floor;
  }

  isDone(seq: number): boolean {
    return seq <= this.#floor || this.#done.has(seq);
  }

  /** Notes a try, and says which it is. */
  begin(seq: number): number {
    const attempt = (this.#tries.get(seq) ?? 0) + 1;
    this.#tries.set(seq, attempt);
    this.#write(['try', seq, attempt]);
    return attempt;
  }

  finish(seq: number): void {
    this.#write(['done', seq]);
    this.#tries.delete(seq);
    this.#done.add(seq);
  }

  /** Says that there is nothing to do up to `seq`. Journaled with the next compaction or `save`. */
  raise(seq: number): void {
    if (seq <= this.#floor) return;
    this.#floor = seq;
    for (const one of this.#done) if (one <= seq) this.#done.delete(one);
    if (this.#lines > COMPACT_LINES) this.#compact();
  }

  /** Brings the floor into the file, whose age says when the durable was last in use. */
  save(): void {
    if (this.#floor > this.#writtenFloor) {
      this.#write(['floor', this.#floor]);
      this.#writtenFloor = this.#floor;
    } else {
      utimesSync(this.#path, new Date(), new Date());
    }
  }

  close(): void {
    if (this.#fd === -1) return;
    this.#compact();
    closeSync(this.#fd);
    this.#fd = -1;
  }

  /** Closes it and takes the file away. */
  remove(): void {
    this.close();
    rmSync(this.#path, { force: true });
  }

  #write(line: z.infer<typeof entry>): void {
    if (this.#fd === -1) return;
    writeSync(this.#fd, `${JSON.stringify(line)}\n`);
    this.#lines += 1;
  }

  #load(): void {
    for (const text of readIfThere(this.#path).split('\n')) {
      const parsed = entry.safeParse(parseJson(text));
      // The last line may be torn: its event comes again.
      if (!parsed.success) continue;
      const line = parsed.data;
      if (line[0] === 'floor') this.#floor = line[1];
      else if (line[0] === 'done') this.#finishAgain(line[1]);
      else if (!this.isDone(line[1])) this.#tries.set(line[1], line[2]);
    }
  }

  #finishAgain(seq: number): void {
    this.#tries.delete(seq);
    if (seq > this.#floor) this.#done.add(seq);
  }

  /** Writes the journal anew, with what still counts. */
  #compact(): void {
    const lines: z.infer<typeof entry>[] = [['floor', this.#floor]];
    for (const seq of this.#done) if (seq > this.#floor) lines.push(['done', seq]);
    for (const [seq, attempt] of this.#tries) if (seq > this.#floor) lines.push(['try', seq, attempt]);
    const temporary = `${this.#path}.new`;
    const fd = openSync(temporary, 'w');
    writeSync(fd, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    fsyncSync(fd);
    renameSync(temporary, this.#path);
    if (this.#fd !== -1) closeSync(this.#fd);
    this.#fd = fd;
    this.#lines = 0;
    this.#writtenFloor = this.#floor;
  }
}

/** Without it the file may be gone after a power failure, and a durable that began at 'new' would begin again. */
function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  fsyncSync(fd);
  closeSync(fd);
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return '';
    throw error;
  }
}
