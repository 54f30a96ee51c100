/**
 * Writes and reads a second of the configuration-service, over HTTP, each write a commit: from one client and from
 * eight, in an empty service and in one with many files, with and without fsync. The service is a process of its own.
 * Beside each figure what 0.6.2's own service reached on 2 cores.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const SECONDS = 4;
const root = join(import.meta.dirname, '..');
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** Requests a second that 0.6.2 answered, by row; undefined where nobody measured. */
const before: Record<string, number | undefined> = {
  'write, 1 client, empty': 55,
  'write, 8 clients, empty': 61,
  'write, 1 client, 2000 files': 24,
  'read, 1 client, empty': 150,
  'read, 8 clients, empty': 189,
  'read, 1 client, 2000 files': 71,
};

const content = (text: string): string => Buffer.from(text).toString('base64');
const service = '/v1/project/bench/stage/dev/service/carts';

interface Figures {
  perSecond: number;
  p50: number;
  p99: number;
}

async function call(url: string, method: string, path: string, body?: object): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const sent = body && JSON.stringify(body);
  const outgoing = request(
    url + path,
    {
      method,
      agent,
      headers: sent ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(sent) } : {},
    },
    (response) => {
      response.resume().once('end', () => {
        const status = response.statusCode ?? 0;
        if (status < 300) resolve();
        else reject(new Error(`${method} ${path}: ${status}`));
      });
    },
  );
  outgoing.once('error', reject).end(sent);
  await promise;
}

/** As many calls as `clients` that each wait for their answer can make. */
async function measure(clients: number, one: (serial: number) => Promise<void>): Promise<Figures> {
  const times: number[] = [];
  let serial = 0;
  const start = performance.now();
  const end = start + SECONDS * 1000;
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

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

/** Runs the service, prepares a service with `files` files in one folder, and prints a line a measurement. */
async function bench(fsync: 'on' | 'off', files: number): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'keptn-bench-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = {
    ...process.env,
    KEPTN_DATA_DIR: directory,
    PORT: `${port}`,
    KEPTN_LISTEN_HOST: '127.0.0.1',
    KEPTN_GIT_FSYNC: fsync,
    LOG_LEVEL: 'warn',
  };
  const child = spawn(process.execPath, [join(root, 'services/configuration-service/main.ts')], {
    env,
    stdio: 'inherit',
  });
  try {
    while (
      !(await call(url, 'GET', '/readyz').then(
        () => true,
        () => false,
      ))
    )
      await sleep(50);
    await call(url, 'POST', '/v1/project', { projectName: 'bench' });
    await call(url, 'POST', '/v1/project/bench/stage', { stageName: 'dev' });
    await call(url, 'POST', '/v1/project/bench/stage/dev/service', { serviceName: 'carts' });
    for (let from = 0; from < files; from += 500) {
      const resources = Array.from({ length: Math.min(500, files - from) }, (_, at) => ({
        resourceURI: `file${from + at}.yaml`,
        resourceContent: content(`a: ${from + at}\n`),
      }));
      await call(url, 'POST', `${service}/resource`, { resources });
    }
    const path = (serial: number): string => `${service}/resource/bench${serial % 16}.yaml`;
    const write = (serial: number): Promise<void> =>
      call(url, 'PUT', path(serial), {
        resourceURI: 'x',
        resourceContent: content(`serial: ${serial} ${Math.random()}\n`),
      });
    const read = (serial: number): Promise<void> => call(url, 'GET', path(serial));
    await measure(8, write);
    const filled = files === 0 ? 'empty' : `${files} files`;
    for (const [what, one] of [
      ['write', write],
      ['read', read],
    ] as const) {
      for (const clients of [1, 8]) {
        const figures = await measure(clients, one);
        print(`${what}, ${clients} client${clients > 1 ? 's' : ''}, ${filled}`, fsync, figures);
      }
    }
  } finally {
    const gone = new Promise((done) => child.once('close', done));
    child.kill('SIGTERM');
    await gone;
    await rm(directory, { recursive: true, force: true });
    // ext4 does not use inodes again for 5 s, and is slow as long as it looks for others.
    await sleep(6000);
  }
}

function print(what: string, fsync: string, { perSecond, p50, p99 }: Figures): void {
  const old = before[what];
  const ratio = old === undefined ? '' : `${(perSecond / old).toFixed(1)} x`;
  const cells = [
    what.padEnd(28),
    fsync.padEnd(6),
    perSecond.toFixed(0).padStart(7),
    `${p50.toFixed(1)}`.padStart(8),
    `${p99.toFixed(1)}`.padStart(8),
    `${old ?? ''}`.padStart(7),
    ratio.padStart(8),
  ];
  process.stdout.write(`${cells.join(' ')}\n`);
}

process.stdout.write(`${'one resource a request'.padEnd(28)} fsync      per s   p50 ms   p99 ms   0.6.2   ratio\n`);
for (const fsync of ['on', 'off'] as const) for (const files of [0, 2000, 5000]) await bench(fsync, files);
agent.destroy();
