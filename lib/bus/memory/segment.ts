/**
 * One file of the log: JSON lines, appended and never changed. A line is
 * `{"seq":7,"at":"…","id":"…","subject":"…","context":"…","body":{…}}`; `body` comes last, so that a start reads the
 * rest alone.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { z } from 'zod';
import type { DeadLetter } from '../port.ts';

export interface Entry {
  seq: number;
  id: string;
  subject: string;
  /** The keptn context. */
  context: string;
  segment: Segment;
  offset: number;
  length: number;
}

const head = z.object({
  seq: z.int().positive(),
  id: z.string(),
  subject: z.string(),
  context: z.string().default(''),
});
const deadLetter = z.object({ reason: z.string(), durable: z.string(), attempts: z.int() });
const line = z.object({ at: z.string(), dead: deadLetter.optional() });

export interface Record {
  id: string;
  subject: string;
  context: string;
  body: Buffer;
  dead?: DeadLetter;
}

export interface Stored {
  at: string;
  body: Buffer;
  dead?: DeadLetter;
}

/** The line of a record. A body that is no JSON, which only a dead letter may have, is kept in base64. */
export function lineOf(seq: number, at: string, { id, subject, context, dead, body }: Record): Buffer {
  const start = JSON.stringify({ seq, at, id, subject, context, ...(dead ? { dead } : {}) }).slice(0, -1);
  return Buffer.concat([Buffer.from(start), BODY, isJson(body) ? body : asText(body), Buffer.from('}\n')]);
}

export interface Scan {
  entries: Entry[];
  /** Lines that are none, in the middle of the file: a fault of the disk. */
  broken: number;
  /** Bytes of a last line that a crash cut off; they are gone from the file. */
  torn: number;
}

const NEWLINE = 0x0a;
const QUOTE = 0x22;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const BODY = Buffer.from(',"body":');

export class Segment {
  readonly path: string;
  readonly first: number;
  readonly #handle: FileHandle;
  /** Where the next line goes: what is behind it is not part of the log. */
  size = 0;

  private constructor(path: string, first: number, handle: FileHandle) {
    this.path = path;
    this.first = first;
    this.#handle = handle;
  }

  static async create(path: string, first: number): Promise<Segment> {
    return new Segment(path, first, await open(path, 'wx+'));
  }

  static async open(path: string, first: number): Promise<Segment> {
    return new Segment(path, first, await open(path, 'r+'));
  }

  /** Reads what is there. A broken last line was never acknowledged and is cut off when `isLast`. */
  async scan(isLast: boolean): Promise<Scan> {
    const bytes = await this.#handle.readFile();
    const entries: Entry[] = [];
    let broken = 0;
    let start = 0;
    let good = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      const entry = this.#entryOf(bytes.subarray(start, end), start, isLast && end === bytes.length - 1);
      start = end + 1;
      if (entry) {
        entries.push(entry);
        good = start;
      } else {
        broken += 1;
      }
    }
    this.size = bytes.length;
    if (!isLast || good === bytes.length) return { entries, broken, torn: 0 };
    await this.cut(good);
    await this.#handle.datasync();
    return { entries, broken, torn: bytes.length - good };
  }

  #entryOf(bytes: Buffer, offset: number, whole: boolean): Entry | undefined {
    // A quote inside a string is escaped, so this mark is not found in one.
    const mark = bytes.indexOf(BODY);
    if (mark === -1) return undefined;
    try {
      const parsed = head.parse(JSON.parse(whole ? bytes.toString() : `${bytes.toString('utf8', 0, mark)}}`));
      return { ...parsed, segment: this, offset, length: bytes.length };
    } catch {
      return undefined;
    }
  }

  /** Stores bytes at the end: they are on the disk when this resolves, and not part of the log when it rejects. */
  async append(bytes: Buffer): Promise<void> {
    try {
      let written = 0;
      while (written < bytes.length) {
        const result = await this.#handle.write(bytes, written, bytes.length - written, this.size + written);
        written += result.bytesWritten;
      }
      await this.#handle.datasync();
      this.size += bytes.length;
    } catch (error) {
      // Should this fail too, the next append writes over the rest, and a start cuts it off.
      await this.cut(this.size).catch(() => undefined);
      throw error;
    }
  }

  /** A line that the disk changed comes back as it is: whoever reads it finds no event in it and gives it up. */
  async read({ offset, length }: Entry): Promise<Stored> {
    const bytes = Buffer.alloc(length);
    await this.#handle.read(bytes, 0, length, offset);
    const mark = bytes.indexOf(BODY);
    try {
      const { at, dead } = line.parse(JSON.parse(`${bytes.toString('utf8', 0, mark)}}`));
      const body = bytes.subarray(mark + BODY.length, -1);
      return { at, body: isBytes(body) ? fromText(body) : body, ...(dead ? { dead } : {}) };
    } catch {
      return { at: new Date(0).toISOString(), body: bytes };
    }
  }

  async cut(size: number): Promise<void> {
    await this.#handle.truncate(size);
    this.size = size;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

function isJson(body: Buffer): boolean {
  // Events are encoded by us as one line; anything else may be anything.
  return body[0] === OPEN_BRACE && body.at(-1) === CLOSE_BRACE && !body.includes(NEWLINE);
}

function asText(body: Buffer): Buffer {
  return Buffer.from(JSON.stringify(body.toString('base64')));
}

function isBytes(body: Buffer): boolean {
  return body[0] === QUOTE;
}

function fromText(body: Buffer): Buffer {
  return Buffer.from(body.toString('latin1').slice(1, -1), 'base64');
}
