/** Credentials as files that only their owner can read. */
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { dnsLabel } from '../../../lib/model/names.ts';
import { decodeUpstream, encodeUpstream, type Credentials } from './credentials.ts';
import { hasCode } from '../../../lib/errors/classes.ts';

export async function createCredentialFiles(folder: string): Promise<Credentials> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const pathOf = (project: string): string => join(folder, `${dnsLabel.parse(project)}.json`);
  const syncFolder = async (): Promise<void> => {
    const handle = await open(folder, 'r');
    await handle.sync().finally(() => handle.close());
  };
  return {
    async get(project) {
      try {
        return decodeUpstream(await readFile(pathOf(project), 'utf8'), pathOf(project));
      } catch (error) {
        if (hasCode(error, 'ENOENT')) return undefined;
        throw error;
      }
    },
    async set(project, upstream) {
      const draft = `${pathOf(project)}.tmp`;
      await rm(draft, { force: true });
      const handle = await open(draft, 'wx', 0o600);
      try {
        await handle.writeFile(encodeUpstream(upstream));
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(draft, pathOf(project));
      await syncFolder();
    },
    async remove(project) {
      await rm(pathOf(project), { force: true });
      await syncFolder();
    },
  };
}
