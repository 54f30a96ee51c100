/**
 * The ids of events that this process has handled to the end, so that an event which comes again is not handled again:
 * one whose acknowledgement was lost, or that its sender repeats after hours. With a file a restart remembers them. The
 * file is written without a sync: after a power failure the last events may be handled twice, and what they cause has
 * the same ids.
 */
import { appendFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { hasCode } from '../errors/classes.ts';

const REMEMBERED = 50_000;

export class HandledIds {
  readonly #file: string | undefined;
  readonly #ids = new Set<string>();
  #lines = 0;

  constructor(file?: string) {
    this.#file = file;
    if (file === undefined) return;
    mkdirSync(dirname(file), { recursive: true });
    for (const line of textOf(file).split('\n')) {
      // A last line that a crash has cut is of no event.
      if (line !== '') this.#keep(line);
    }
    this.#rewrite(file);
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  add(id: string): void {
    this.#keep(id);
    if (this.#file === undefined) return;
    this.#lines += 1;
    if (this.#lines > 2 * REMEMBERED) this.#rewrite(this.#file);
    else appendFileSync(this.#file, `${id}\n`);
  }

  #keep(id: string): void {
    this.#ids.add(id);
    const [oldest] = this.#ids;
    if (this.#ids.size > REMEMBERED && oldest !== undefined) this.#ids.delete(oldest);
  }

  #rewrite(file: string): void {
    writeFileSync(`${file}.new`, [...this.#ids].map((id) => `${id}\n`).join(''));
    renameSync(`${file}.new`, file);
    this.#lines = this.#ids.size;
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return '';
    throw error;
  }
}
