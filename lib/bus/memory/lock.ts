/** One process a folder: two that append to one log would write over each other. */
import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode, Terminal } from '../../errors/classes.ts';

/** Folders that this process holds: its own id in a lock file may be left over from an earlier life in a container. */
const held = new Set<string>();

/** Takes the folder; gives back how to let it go. */
export async function lock(folder: string): Promise<() => Promise<void>> {
  const file = join(folder, 'lock');
  for (let attempt = 1; ; attempt += 1) {
    try {
      const handle = await open(file, 'wx');
      await handle.writeFile(String(process.pid));
      await handle.close();
      held.add(file);
      return async () => {
        held.delete(file);
        await rm(file, { force: true });
      };
    } catch (error) {
      if (!hasCode(error, 'EEXIST') || attempt > 3) throw error;
    }
    const pid = Number(await readFile(file, 'utf8').catch(() => ''));
    if (pid === process.pid ? held.has(file) : isRunning(pid)) {
      throw new Terminal(
        'Conflict',
        `the event log in ${folder} is in use by process ${pid}; if that is another program, remove ${file}`,
      );
    }
    await rm(file, { force: true });
  }
}

function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}
