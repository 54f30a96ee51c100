/** Gathers what helps to find a fault into one archive. What cannot be had is in it as the reason why. */
import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { arch, platform, release } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import { z } from 'zod';
import { messageOf } from '../lib/errors/classes.ts';
import { ownVersion } from '../lib/observe/version.ts';
import { Client, type Trace } from './client.ts';
import { loadCredentials } from './credentials.ts';
import { examine } from './doctor.ts';
import { findEvents } from './events.ts';
import { metadata } from './version.ts';

const EVENTS = 1_000;
const KUBECTL_MS = 30_000;
const OUTPUT_BYTES = 64 * 1024 * 1024;
const run = promisify(execFile);

/** By the name of the file; none of it shows a Secret. */
const kubectl: Readonly<Record<string, readonly string[]>> = {
  'kubectl-version.txt': ['version'],
  'objects.yaml': ['get', 'keptn', '-A', '-o', 'yaml'],
  'nodes.txt': ['get', 'nodes', '-o', 'wide'],
  'workloads.txt': ['get', 'deployments,statefulsets,pods,services', '-A', '-o', 'wide'],
  'kubernetes-events.txt': ['get', 'events', '-A', '--sort-by=.lastTimestamp'],
};

/** The path of the archive. */
export async function writeArchive(folder: string, trace: Trace): Promise<string> {
  const files = new Map<string, unknown>();
  const gather = async (name: string, what: () => Promise<unknown>): Promise<void> => {
    trace.output.line('INFO', `gathering ${name}`);
    files.set(name, await what().catch((error: unknown) => `cannot be had: ${messageOf(error)}`));
  };
  const client = async (): Promise<Client> => new Client(await loadCredentials(), trace);
  await gather('metadata.json', async () => ({
    ...{ OperatingSystem: `${platform()} ${release()} ${arch()}`, Node: process.version },
    KeptnCLIVersion: ownVersion(),
    KeptnAPIUrl: await loadCredentials().then(
      ({ endpoint }) => endpoint,
      () => null,
    ),
    Keptn: await (await client()).call('GET', '/v1/metadata', metadata).catch(messageOf),
  }));
  await gather('doctor.json', () => examine(trace, { namespace: 'keptn' }));
  await gather('projects.json', async () => (await client()).call('GET', '/v1/project?pageSize=50', z.unknown()));
  await gather('events.json', async () => findEvents(await client(), {}, EVENTS));
  await gather('logs.json', async () => (await client()).call('GET', '/v1/log?pageSize=100', z.unknown()));
  for (const [name, args] of Object.entries(kubectl)) {
    await gather(name, async () => {
      const { stdout } = await run('kubectl', [...args], { timeout: KUBECTL_MS, maxBuffer: OUTPUT_BYTES });
      return stdout;
    });
  }
  const name = `keptn-support-archive-${Math.floor(Date.now() / 1000)}`;
  const archive = pack();
  for (const [file, content] of files) {
    const text = typeof content === 'string' ? content : JSON.stringify(content, undefined, 2);
    archive.entry({ name: `${name}/${file}` }, text);
  }
  archive.finalize();
  const path = join(folder, `${name}.tgz`);
  await pipeline(archive, createGzip(), createWriteStream(path, { mode: 0o600 }));
  return path;
}
