/**
 * Files that survive a power failure. A file does when its data has been synced, and its name when the folder that
 * has the name has been synced: hence both are here, and a rename needs the folder's sync after it.
 */
import { execFile } from 'node:child_process';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { hasCode } from '../../errors/classes.ts';

const run = promisify(execFile);

export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Syncs a folder with all that is in it. */
export async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await syncTree(path);
    else if (entry.isFile()) {
      // A gc by git may take away a file meanwhile; what replaces it is synced by git.
      await syncPath(path).catch(ignoreMissing);
    }
  }
  await syncPath(folder).catch(ignoreMissing);
}

/**
 * Syncs everything that was written below a folder. `sync -f` (coreutils) is one syncfs call for the file system:
 * 0.3 s for 20,000 small files, where one fsync a file takes 5 s. Without that program each file has its own.
 */
export async function syncFileSystem(folder: string): Promise<void> {
  try {
    await run('sync', ['-f', folder]);
  } catch {
    await syncTree(folder);
  }
}

export function ignoreMissing(error: unknown): undefined {
  if (hasCode(error, 'ENOENT')) return undefined;
  throw error;
}
