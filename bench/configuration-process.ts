/** A configuration-service as a process of its own, with as many clients as a bench wants. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { freePort } from '../tools/real-parts/free-port.ts';

const root = join(import.meta.dirname, '..');
const packageSchema = z.object({ scripts: z.record(z.string(), z.string()) });
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

export interface ConfigurationProcess {
  /** Folder of the repositories. */
  directory: string;
  /** Rejects unless the status is below 300. */
  call(method: string, path: string, body?: object): Promise<void>;
  /** Writes `content` into one file. */
  put(path: string, content: string): Promise<void>;
  /** Megabytes of memory. */
  memory(): number;
  stop(): Promise<void>;
}

export interface Figures {
  perSecond: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
}

/** Started as `npm run configuration-service` does, with the project `bench` and its stage `dev`. */
export async function startConfigurationProcess(fsync: 'on' | 'off'): Promise<ConfigurationProcess> {
  const directory = await mkdtemp(join(tmpdir(), 'keptn-bench-'));
  const port = await freePort();
  const { scripts } = packageSchema.parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')));
  const [, ...args] = scripts['configuration-service']?.split(' ') ?? [];
  const env = {
    ...process.env,
    KEPTN_DATA_DIR: directory,
    PORT: String(port),
    KEPTN_HEALTH_PORT: '0',
    KEPTN_LISTEN_HOST: '127.0.0.1',
    KEPTN_GIT_FSYNC: fsync,
    LOG_LEVEL: 'warn',
  };
  const child = spawn(process.execPath, args, { env, cwd: root, stdio: 'inherit' });
  const call: ConfigurationProcess['call'] = (method, path, body) => {
    const sent = body && JSON.stringify(body);
    const headers = sent ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(sent) } : {};
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const outgoing = request({ host: '127.0.0.1', port, path, method, agent, headers }, (response) => {
      response.resume().once('end', () => {
        const status = response.statusCode ?? 0;
        if (status < 300) resolve();
        else reject(new Error(`${method} ${path}: ${status}`));
      });
    });
    outgoing.once('error', reject).end(sent);
    return promise;
  };
  for (let tries = 0; ; tries += 1) {
    const isReady = await call('GET', '/readyz').then(
      () => true,
      () => false,
    );
    if (isReady) break;
    if (tries === 200) throw new Error('the configuration-service does not start');
    await sleep(50);
  }
  await call('POST', '/v1/project', { projectName: 'bench' });
  await call('POST', '/v1/project/bench/stage', { stageName: 'dev' });
  return {
    directory,
    call,
    put: (path, content) =>
      call('PUT', path, { resourceURI: 'x', resourceContent: Buffer.from(content).toString('base64') }),
    memory: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024,
    async stop() {
      const gone = new Promise((done) => child.once('close', done));
      child.kill('SIGTERM');
      await gone;
      await rm(directory, { recursive: true, force: true });
      // ext4 does not use inodes again for 5 s, and is slow as long as it looks for others.
      await sleep(6000);
    },
  };
}

/** As many calls as `clients` that each wait for their answer can make in that time. */
export async function measure(
  clients: number,
  seconds: number,
  one: (serial: number) => Promise<void>,
): Promise<Figures> {
  const times: number[] = [];
  let serial = 0;
  const start = performance.now();
  const end = start + seconds * 1000;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (performance.now() < end) {
        const sent = performance.now();
        await one(serial++);
        times.push(performance.now() - sent);
      }
    }),
  );
  const elapsed = (performance.now() - start) / 1000;
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(times.length * share)] ?? 0;
  return { perSecond: times.length / elapsed, p50: at(0.5), p99: at(0.99) };
}
