/** The folder of reports: the results of each run as a file, the newest hundred. */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

const KEPT = 100;

/** The file for a run; older ones make way. `about`: parts of its name. */
export async function reportFile(folder: string, about: readonly string[]): Promise<string> {
  await mkdir(folder, { recursive: true });
  // Names begin with the time, so that their order is that of the runs.
  const old = (await readdir(folder)).filter((name) => /^\d{8}T\d{9}Z-.*\.jtl$/.test(name)).sort();
  for (const name of old.slice(0, Math.max(0, old.length - KEPT + 1))) await rm(join(folder, name), { force: true });
  const time = new Date().toISOString().replace(/[-:.]/g, '');
  return join(folder, `${[time, ...about].join('-').replace(/[^\w-]+/g, '_')}.jtl`);
}
