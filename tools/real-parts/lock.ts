/**
 * One process at a time does a thing. The lock is SQLite's on a file: the operating system gives it back when its
 * holder ends, in whatever way, so that there is no stale lock to recognise and no race for taking one over.
 */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

const SQLITE_BUSY = 5;
/** Longer than the longest build. */
const DEADLINE_MS = 20 * 60_000;

export type Unlock = () => void;

/** The function that gives the lock back, or undefined while another process has it. */
export async function tryLock(file: string): Promise<Unlock | undefined> {
  await mkdir(dirname(file), { recursive: true });
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return undefined;
    throw error;
  }
  return () => database.close();
}

/** Waits for the lock; `onWait` is called once if another process has it. */
export async function lock(file: string, onWait: () => void): Promise<Unlock> {
  const deadline = Date.now() + DEADLINE_MS;
  for (let tries = 0; ; tries += 1) {
    const unlock = await tryLock(file);
    if (unlock) return unlock;
    if (tries === 0) onWait();
    if (Date.now() > deadline) throw new Error(`another process has had ${file} for too long; end it`);
    await sleep(250);
  }
}
