/**
 * One process a data folder: two would each build on their own view of it. The lock is a file that says who holds it.
 * A holder on this machine is looked up by pid and start time (a pid alone comes again, and is always 1 in a
 * container); any other by the file's age, since a holder touches it every two seconds.
 */
import { readFileSync } from 'node:fs';
import { link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { hasCode, Terminal } from '../../errors/classes.ts';
import { ignoreMissing } from './durable-files.ts';

const TOUCH_MS = 2000;
const STALE_MS = 10_000;

const holderSchema = z.object({ host: z.string(), boot: z.string(), pid: z.int(), started: z.string() });
type Holder = z.infer<typeof holderSchema>;

/** The run of this machine, '' where the system does not tell. */
export function bootId(): string {
  return readProc('/proc/sys/kernel/random/boot_id').trim();
}

/** Takes the lock, or throws Terminal; gives what releases it. */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, '.keptn-lock');
  const own: Holder = { host: hostname(), boot: bootId(), pid: process.pid, started: startOf(process.pid) };
  const text = JSON.stringify(own);
  const draft = `${path}.${own.pid}.${Date.now()}`;
  const deadline = Date.now() + STALE_MS + 2 * TOUCH_MS;
  try {
    for (;;) {
      await writeFile(draft, text);
      // Unlike a rename, a link fails when somebody was faster.
      const taken = await link(draft, path).then(
        () => true,
        (error: unknown) => (hasCode(error, 'EEXIST') ? false : Promise.reject(error as Error)),
      );
      if (taken) break;
      const holder = await readHolder(path);
      const local = holder !== undefined && holder.host === own.host && holder.boot === own.boot;
      if (local && startOf(holder.pid) === holder.started) throw refusal(folder, holder);
      const age = Date.now() - ((await stat(path).catch(ignoreMissing))?.mtimeMs ?? 0);
      if (local || age > STALE_MS) await breakLock(path, holder);
      else if (Date.now() > deadline) throw refusal(folder, holder);
      else await sleep(500);
    }
  } finally {
    await rm(draft, { force: true });
  }
  const touch = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => undefined), TOUCH_MS);
  touch.unref();
  return async () => {
    clearInterval(touch);
    await rm(path, { force: true });
  };
}

function refusal(folder: string, holder: Holder | undefined): Terminal {
  const who = holder ? `process ${holder.pid} on ${holder.host}` : 'another process';
  return new Terminal('Conflict', `the folder ${folder} is in use by ${who}: each process needs a folder of its own`);
}

async function readHolder(path: string): Promise<Holder | undefined> {
  const text = (await readFile(path, 'utf8').catch(ignoreMissing)) ?? '';
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch {
    // Empty after a power failure, or gone since.
    return undefined;
  }
}

/** Takes a stale lock away, and puts it back if it was another one by then. */
async function breakLock(path: string, stale: Holder | undefined): Promise<void> {
  const aside = `${path}.stale.${process.pid}.${Date.now()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    ignoreMissing(error);
    return;
  }
  const found = await readHolder(aside);
  if (JSON.stringify(found) !== JSON.stringify(stale)) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

/** When a process was started, in ticks since boot; '' when there is no such process. */
function startOf(pid: number): string {
  const stat = readProc(`/proc/${pid}/stat`);
  // The name, field 2, may contain blanks and brackets.
  const found = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  if (found !== undefined) return found;
  try {
    process.kill(pid, 0);
    return 'running';
  } catch (error) {
    return hasCode(error, 'EPERM') ? 'running' : '';
  }
}

function readProc(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
