/** What the tests of the Git contract share: changes, refusals, and a writer that is killed. */
import { spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { KeptnError } from '../errors/classes.ts';
import type { Code } from '../errors/codes.ts';
import type { CommitRequest } from './port.ts';

export const author = { name: 'Ada Lovelace', email: 'ada@example.com' };
export const bytes = (text: string): Uint8Array => Buffer.from(text);

/** One file on a branch. */
export const change = (branch: string, path: string, content: string | null, message = 'a change'): CommitRequest => ({
  branch,
  changes: [{ path, content: content === null ? null : bytes(content) }],
  message,
  author,
});

/** Fails unless the call is refused with the code. */
export async function refused(call: Promise<unknown>, code: Code): Promise<void> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(KeptnError);
  expect(error).to.have.property('code', code);
}

/** A program that commits without end, at times a merge, and prints each commit that was acknowledged. */
export function writerSource(openSource: string, directory: string): string {
  return `
    const store = await (${openSource})(${JSON.stringify(directory)});
    const author = { name: 'w', email: 'w@example.com' };
    let serial = 0;
    const first = await store.head('killed', 'master');
    await Promise.all(['master', 'dev', 'dev', 'prod'].map(async (branch, writer) => {
      for (;;) {
        const name = writer + '-' + process.pid + '-' + serial++;
        const changes = [{ path: 'svc/' + writer + '.yaml', content: Buffer.from(name) }, { path: 'all/' + name, content: Buffer.from(name) }];
        const { commit } = await store.commit('killed', { branch, changes, message: name, author, ...(serial % 8 === 0 && { mergeOf: first }) });
        process.stdout.write(branch + ' ' + commit + ' ' + name + '\\n');
      }
    }));`;
}

/**
 * Runs a writer, kills it, and gives what was acknowledged. The time counts from its first commit on, or, so that it
 * may die while it recovers, from its start.
 */
export async function runAndKill(source: string, milliseconds: number, from: 'start' | 'commit'): Promise<string[]> {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise((done) => child.once('close', done));
  for (let waited = 0; from === 'commit' && output === '' && waited < 10_000; waited += 5) await sleep(5);
  await sleep(milliseconds);
  child.kill('SIGKILL');
  await ended;
  return output.split('\n').slice(0, -1);
}

/** Waits while git packs below a folder, also for a process that was killed: a fsck stumbles over what it takes away. */
export async function packingEnds(folder: string): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    const commands = await Promise.all(
      processes.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
    );
    if (!commands.some((command) => command.includes('repack') && command.includes(folder))) return;
    await sleep(50);
  }
  throw new Error('git packs for more than 30 s');
}
