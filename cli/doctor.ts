/** Checks from here to Keptn, in the order in which one needs the other: behind one that fails the rest is skipped. */
import { execFile } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { z } from 'zod';
import { messageOf } from '../lib/errors/classes.ts';
import { ownVersion } from '../lib/observe/version.ts';
import { Client, type Trace } from './client.ts';
import { credentialsPath, loadCredentials, type Credentials } from './credentials.ts';
import { channel } from './follow.ts';
import { fits, metadata } from './version.ts';

export interface Finding {
  check: string;
  state: 'fine' | 'wrong' | 'skipped';
  /** What was found; where it is wrong, what to do. */
  said: string;
}

const STREAM_MS = 5_000;
const KUBECTL_MS = 5_000;
const run = promisify(execFile);
const status = z.object({ status: z.string() });

export async function examine(trace: Trace): Promise<Finding[]> {
  const findings: Finding[] = [];
  let isBroken = false;
  const check = async (name: string, look: () => Promise<string>): Promise<void> => {
    if (isBroken) return void findings.push({ check: name, state: 'skipped', said: 'needs what is wrong above' });
    try {
      findings.push({ check: name, state: 'fine', said: await look() });
    } catch (error) {
      isBroken = true;
      findings.push({ check: name, state: 'wrong', said: messageOf(error) });
    }
  };
  let credentials: Credentials | undefined;
  const client = (): Client => {
    if (!credentials) throw new Error('no credentials');
    return new Client(credentials, trace);
  };
  await check('credentials', async () => {
    credentials = await loadCredentials();
    return `for ${credentials.endpoint}${await exposure()}`;
  });
  await check('address', async () => {
    const { hostname } = new URL(client().credentials.endpoint);
    return (await lookup(hostname)).address;
  });
  await check('token', async () => {
    await client().call('POST', '/v1/auth', z.unknown());
    return 'is right';
  });
  await check('version', async () => {
    const own = ownVersion();
    const { keptnversion } = await client().call('GET', '/v1/metadata', metadata);
    if (fits(own, keptnversion)) return keptnversion;
    throw new Error(`Keptn is ${keptnversion}, the command line ${own}: install the one that fits`);
  });
  await check('readiness', async () => (await client().call('GET', '/readyz', status)).status);
  for (const [name, path] of [
    ['configuration', '/v1/project?pageSize=1'],
    ['history', '/v1/event?pageSize=1'],
  ] as const) {
    await check(name, async () => {
      const began = performance.now();
      await client().call('GET', path, z.unknown());
      return `answers within ${(performance.now() - began).toFixed(0)} ms`;
    });
  }
  await check('live messages', async () => {
    const socket = channel(client().credentials, 'doctor');
    const timer = setTimeout(() => socket.terminate(), STREAM_MS);
    try {
      await new Promise((resolve, reject) => socket.once('open', resolve).on('error', reject));
    } catch (error) {
      throw new Error(`no websocket (${messageOf(error)}): does a proxy on the way let them through?`, {
        cause: error,
      });
    } finally {
      clearTimeout(timer);
      socket.terminate();
    }
    return 'arrive';
  });
  findings.push(await kubectl());
  return findings;
}

/** Others than the owner must not read the file. */
async function exposure(): Promise<string> {
  const found = await stat(credentialsPath()).catch(() => undefined);
  if (found === undefined || process.platform === 'win32' || (found.mode & 0o077) === 0) return '';
  throw new Error(`${credentialsPath()} can be read by others: chmod 600 ${credentialsPath()}`);
}

/** Nobody needs a cluster for the command line; who has one sees whether it knows the kinds. */
async function kubectl(): Promise<Finding> {
  const check = 'kubectl';
  try {
    const args = ['get', 'crd', 'projects.keptn.sh', '--request-timeout=4s', '-o', 'name'];
    await run('kubectl', args, { timeout: KUBECTL_MS });
    return { check, state: 'fine', said: 'the current cluster has the kinds of Keptn' };
  } catch (error) {
    if (messageOf(error).includes('ENOENT')) return { check, state: 'skipped', said: 'is not installed here' };
    const why = messageOf(error).includes('NotFound') ? 'has no Keptn' : 'does not answer';
    return { check, state: 'skipped', said: `the current cluster ${why}` };
  }
}
