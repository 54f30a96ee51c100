/** docs/custom-service.md, followed word by word on other ports. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { until } from '../lib/bus/contract-parts.ts';
import { freePort } from '../tools/real-parts/free-port.ts';
import { root } from './launch/node-process.ts';

const run = promisify(execFile);

interface Terminal {
  process: ChildProcess;
  shown(): string;
}

describe('the tutorial of a custom service', () => {
  let folder: string;
  const opened: Terminal[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keptn-tutorial-'));
  });
  after(async () => {
    await Promise.all(opened.map(end));
    await rm(folder, { recursive: true, force: true });
  });

  /** The shell blocks in order; those of a terminal stay running. */
  async function blocks(): Promise<{ stays: boolean; command: string }[]> {
    const text = await readFile(join(root, 'docs/custom-service.md'), 'utf8');
    const base = await freePort();
    const others = [await freePort(), await freePort(), await freePort()];
    const ports = new Map([
      ...['8080', '8081', '8082'].map((port, n) => [port, base + n] as const),
      ...['9090', '9091', '9099'].map((port, n) => [port, others[n] ?? 0] as const),
    ]);
    return [...text.matchAll(/^```sh( terminal)?\n([\s\S]*?)^```$/gm)].map(([, terminal, command = '']) => ({
      stays: terminal !== undefined,
      command: command
        .replace(/\b(808[0-2]|909[019])\b/g, (port) => String(ports.get(port)))
        .replace('npm start --', `npm start -- --port ${base} --data ${folder}`),
    }));
  }

  function open(command: string): Terminal {
    const started = spawn('sh', ['-c', command], { cwd: root, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [started.stdout, started.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    }
    const terminal = { process: started, shown: () => text };
    opened.push(terminal);
    return terminal;
  }

  async function end({ process: child }: Terminal): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const closed = once(child, 'close');
    process.kill(-child.pid, 'SIGKILL');
    await closed;
  }

  it('works as it is written', async () => {
    const [chat, keptn, kit, send, find, go, sendAgain, ...more] = await blocks();
    expect([chat, keptn, kit, go].every((block) => block?.stays)).to.equal(true);
    expect(more).to.deep.equal([]);
    const type = async (block?: { command: string }): Promise<string> =>
      (await run('sh', ['-c', block?.command ?? ''], { cwd: root })).stdout;

    const chatTerminal = open(chat?.command ?? '');
    const keptnTerminal = open(keptn?.command ?? '');
    await until('Keptn', () => keptnTerminal.shown().includes('Ctrl-C stops'), 60_000);
    const kitTerminal = open(kit?.command ?? '');
    await until('the service', () => kitTerminal.shown().includes('service listens'), 30_000);

    expect(JSON.parse(await type(send))).to.include({ keptnContext: 'my-first-delivery' });
    await until('the message', () => chatTerminal.shown().includes('sockshop/carts in staging: pass'));
    await until('the log line', () => keptnTerminal.shown().includes('chat-notification: told the chat'));
    let found = '';
    const ask = async (): Promise<string> => (found = await type(find));
    for (let tries = 0; tries < 50 && !(await ask()).includes('told the chat'); tries += 1);
    expect(found).to.include('"result":"pass"').and.include('"keptnService":"chat-notification"');

    await end(kitTerminal);
    open(go?.command ?? '');
    await type(sendAgain);
    await until('the other message', () => chatTerminal.shown().includes('sockshop/carts in production: fail'), 30_000);
  });
});
