/** The files in a folder: for a Prometheus beside the standalone process. */
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../../../lib/errors/classes.ts';
import { filesOf, namesOf, servicesIn } from './files.ts';
import type { Monitoring } from './port.ts';

export function monitoringInFolder(folder: string, webhook: string): Monitoring {
  return {
    async apply(monitored) {
      await mkdir(folder, { recursive: true });
      for (const [name, content] of Object.entries(filesOf(monitored, webhook))) {
        const path = join(folder, name);
        if ((await unlessMissing(readFile(path, 'utf8'))) === content) continue;
        await writeFile(`${path}.new`, content);
        await rename(`${path}.new`, path);
      }
      return `files ${monitored.project}.${monitored.service}.* in ${folder}`;
    },
    configured: async (project) => servicesIn((await unlessMissing(readdir(folder))) ?? [], project),
    async remove(project, service) {
      for (const name of namesOf(project, service)) await rm(join(folder, name), { force: true });
    },
  };
}

async function unlessMissing<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
