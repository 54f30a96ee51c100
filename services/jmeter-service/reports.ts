/** The folder of reports: the results of each run as a file, the newest hundred. */
import { appendFile, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../lib/errors/classes.ts';
import { header, lineOf } from './jtl.ts';
import type { Sample } from './measure.ts';

const KEPT = 100;
const LINES_AT_ONCE = 1_000;

/** The file for a run; older ones make way. `about`: parts of its name. */
export async function reportFile(folder: string, about: readonly string[]): Promise<string> {
  await mkdir(folder, { recursive: true });
  // Names begin with the time, so that their order is that of the runs.
  const old = (await readdir(folder)).filter((name) => /^\d{8}T\d{9}Z-.*\.jtl$/.test(name)).sort();
  for (const name of old.slice(0, Math.max(0, old.length - KEPT + 1))) await rm(join(folder, name), { force: true });
  const time = new Date().toISOString().replace(/[-:.]/g, '');
  return join(folder, `${[time, ...about].join('-').replace(/[^\w-]+/g, '_')}.jtl`);
}

/** Writes requests to such a file. Tests go on without it when that is not possible. */
export class ReportWriter {
  readonly #file: string;
  readonly #failed: (text: string) => void;
  #lines = [header];
  #writing: Promise<void> = Promise.resolve();
  #broken = false;

  /** `failed` is told why there is no report. */
  constructor(file: string, failed: (text: string) => void) {
    this.#file = file;
    this.#failed = failed;
  }

  async add(sample: Sample): Promise<void> {
    if (this.#broken) return;
    this.#lines.push(lineOf(sample));
    if (this.#lines.length >= LINES_AT_ONCE) await this.flush();
  }

  async flush(): Promise<void> {
    const text = this.#lines.join('');
    this.#lines = [];
    this.#writing = this.#writing.then(async () => {
      try {
        if (!this.#broken) await appendFile(this.#file, text);
      } catch (error) {
        this.#broken = true;
        this.#failed(`no report is kept: ${messageOf(error)}`);
      }
    });
    await this.#writing;
  }
}
