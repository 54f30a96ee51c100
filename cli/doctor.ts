/** Checks from here to Keptn, in the order in which one needs the other: behind one that fails the rest is skipped. */
import { lookup } from 'node:dns/promises';
import { stat } from 'node:fs/promises';
import { z } from 'zod';
import { messageOf } from '../lib/errors/classes.ts';
import { ownVersion } from '../lib/observe/version.ts';
import { Client, type Trace } from './client.ts';
import { credentialsPath, loadCredentials, type Credentials } from './credentials.ts';
import type { Finding } from './findings.ts';
import { channel } from './follow.ts';
import type { ClusterFlags } from './session.ts';
import { fits, metadata } from './version.ts';

const STREAM_MS = 5_000;
const status = z.object({ status: z.string() });

export async function examine(trace: Trace, flags: ClusterFlags): Promise<Finding[]> {
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
  findings.push(...(await clusterFindings(flags)));
  return findings;
}

/** Nobody needs a cluster for the command line: what is wrong there is worth a look, and no more. */
async function clusterFindings(flags: ClusterFlags): Promise<Finding[]> {
  const [{ hasKubeconfig }, { examineCluster }] = await Promise.all([
    import('./kubeconfig.ts'),
    import('./installation/examine.ts'),
  ]);
  if (!(await hasKubeconfig(flags)))
    return [{ check: 'cluster', state: 'skipped', said: 'there is no kubeconfig here' }];
  const findings = await examineCluster(flags);
  return findings.map((finding) => (finding.state === 'wrong' ? { ...finding, state: 'doubtful' } : finding));
}

/** Others than the owner must not read the file. */
async function exposure(): Promise<string> {
  const found = await stat(credentialsPath()).catch(() => undefined);
  if (found === undefined || process.platform === 'win32' || (found.mode & 0o077) === 0) return '';
  throw new Error(`${credentialsPath()} can be read by others: chmod 600 ${credentialsPath()}`);
}
