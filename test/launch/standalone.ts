/** A standalone Keptn for one test file, as `npm start` runs it, on ports of its own, with its api at hand. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { ManagedProcess } from '../../tools/real-parts/managed-process.ts';
import { root } from './node-process.ts';

export interface Asked {
  status: number;
  json: unknown;
  headers: Headers;
}

export interface Reader {
  lines: { message: string; terminate: boolean; loglevel: string }[];
  /** Resolves with the close code. */
  closed: Promise<number>;
  socket: WebSocket;
}

export interface Standalone {
  url: string;
  secureUrl: string;
  /** The link to the Bridge that logs in. */
  bridge: string;
  token: string;
  folder: string;
  process: ManagedProcess;
  /** `call`: method and path. With the right token, unless headers say otherwise. */
  ask(call: string, body?: unknown, headers?: Record<string, string>): Promise<Asked>;
  /** The websocket of 0.6.2; rejects with what it is refused with. */
  listen(headers: Record<string, string>): Promise<Reader>;
  stop(): Promise<void>;
}

export async function startStandalone(manifests = 'examples/hello', ...more: readonly string[]): Promise<Standalone> {
  const folder = await mkdtemp(join(tmpdir(), 'keptn-api-'));
  const running: ManagedProcess = new ManagedProcess({
    name: 'standalone',
    command: process.execPath,
    args: [join(root, 'operator/standalone.ts'), join(root, manifests), '--data', folder, '--port', '0', ...more],
    env: { NO_COLOR: '1' },
    ready: async () => running.output().includes('Ctrl-C stops'),
  });
  await running.start();
  const [, url = '', secureUrl = ''] = /^API +(\S+) and (\S+)/m.exec(running.output()) ?? [];
  const [, bridge = ''] = /^Bridge +(\S+)/m.exec(running.output()) ?? [];
  const token = (await readFile(join(folder, 'api-token'), 'utf8')).trim();
  return {
    ...{ url, secureUrl, bridge, token, folder, process: running },
    async ask(call, body, headers = {}) {
      const [method = '', path = ''] = call.split(' ');
      const response = await fetch(url + path, {
        method,
        headers: { 'x-token': token, 'content-type': 'application/json', ...headers },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = response.headers.get('content-type')?.includes('json');
      return {
        status: response.status,
        json: isJson ? (JSON.parse(text) as unknown) : text,
        headers: response.headers,
      };
    },
    async listen(headers) {
      const socket = new WebSocket(url.replace('http', 'ws'), { headers });
      const reader: Reader = {
        lines: [],
        closed: new Promise((resolve) => socket.once('close', (code) => resolve(code))),
        socket,
      };
      socket.on('message', (data: Buffer) => {
        const { data: line } = JSON.parse(data.toString()) as { data: Reader['lines'][number] };
        reader.lines.push(line);
      });
      await new Promise<void>((resolve, reject) => {
        socket.once('open', resolve).once('error', reject);
      });
      return reader;
    },
    async stop() {
      await running.end('SIGTERM');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export async function until(what: string, test: () => boolean | Promise<boolean>, seconds = 10): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await test())) {
    if (Date.now() > deadline) throw new Error(`not in ${seconds} s: ${what}`);
    await sleep(20);
  }
}
