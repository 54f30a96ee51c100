/** The custom service of the examples, in TypeScript and in Go, run as the tutorial says, with a chat that remembers. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { eventOf, recorder, until } from '../lib/bus/contract-parts.ts';
import { createMemoryBus } from '../lib/bus/memory/bus.ts';
import { connectNatsBus } from '../lib/bus/nats/bus.ts';
import { createEventMetrics } from '../lib/observe/event-metrics.ts';
import { createLog } from '../lib/observe/log.ts';
import { startDistributor } from '../services/distributor/service.ts';
import { startEventbroker } from '../services/eventbroker/service.ts';
import { accepts } from '../tools/real-parts/accepts.ts';
import { freePort } from '../tools/real-parts/free-port.ts';
import { ManagedProcess } from '../tools/real-parts/managed-process.ts';
import { startNats } from './launch/nats.ts';
import { root } from './launch/node-process.ts';

const run = promisify(execFile);
const log = createLog('example', 'silent');
const folder = join(root, 'examples', 'custom-service');
const event = {
  specversion: '0.2',
  type: 'sh.keptn.events.evaluation-done',
  source: 'lighthouse-service',
  shkeptncontext: 'c0ffee00-0000-4000-8000-000000000000',
  data: { project: 'sockshop', stage: 'staging', service: 'carts', result: 'pass' },
};
const told = { text: 'sockshop/carts in staging: pass' };

/** A chat that answers 500 to the first message. */
async function chat() {
  const messages: unknown[] = [];
  let asked = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        asked += 1;
        if (asked > 1) messages.push(JSON.parse(Buffer.concat(chunks).toString()));
        response.writeHead(asked === 1 ? 500 : 200).end();
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  return { url, messages, close: () => new Promise((resolve) => server.close(resolve)) };
}

interface Program {
  command: string;
  args: string[];
}

const typescript = { command: process.execPath, args: [join(folder, 'chat-notification.ts')] };
/** What makes the program, in a folder that it may write to. */
const programs: Record<string, (directory: string) => Promise<Program>> = {
  TypeScript: async () => typescript,
  Go: async (directory) => {
    const command = join(directory, 'chat-notification');
    await run('go', ['build', '-o', command, join(folder, 'chat_notification.go')]);
    return { command, args: [] };
  },
};

describe('the custom service of the examples', () => {
  for (const [language, programIn] of Object.entries(programs)) {
    it(`tells a chat of an evaluation, in ${language}, behind a distributor`, async () => {
      const directory = await mkdtemp(join(tmpdir(), 'keptn-example-'));
      const [bus, webhook, port, healthPort] = await Promise.all([
        createMemoryBus({ directory, log }),
        chat(),
        freePort(),
        freePort(),
      ]);
      const metrics = createEventMetrics();
      const broker = await startEventbroker({ bus, host: '127.0.0.1', port: 0, metrics, log });
      const env = {
        CHAT_WEBHOOK: webhook.url,
        EVENTBROKER: broker.url,
        RCV_PORT: String(port),
        KEPTN_HEALTH_PORT: String(healthPort),
        KEPTN_LISTEN_HOST: '127.0.0.1',
      };
      const service = new ManagedProcess({
        name: language,
        ...(await programIn(directory)),
        env,
        ready: () => accepts(port),
      });
      await service.start();
      const distributor = await startDistributor({
        bus,
        url: new URL(`http://127.0.0.1:${port}`),
        topics: ['sh.keptn.events.evaluation-done'],
        durable: 'chat-notification',
        from: 'all',
        concurrency: 4,
        timeoutMs: 5_000,
        maxAttempts: 5,
        metrics,
        log,
      });
      const sent = await fetch(broker.url, { method: 'POST', body: JSON.stringify(event) });
      expect(sent.status).to.equal(202);
      await until('the message', () => webhook.messages.length > 0);
      expect(webhook.messages).to.deep.equal([told]);
      await distributor.close();
      await service.end('SIGTERM');
      await broker.close();
      await bus.close();
      await webhook.close();
      await rm(directory, { recursive: true });
    });
  }

  it('tells a chat of an evaluation, on NATS without a distributor, and its log lines are events', async () => {
    const [nats, webhook, healthPort] = await Promise.all([startNats(), chat(), freePort()]);
    const env = {
      CHAT_WEBHOOK: webhook.url,
      PUBSUB_URL: nats.url,
      KEPTN_HEALTH_PORT: String(healthPort),
      KEPTN_LISTEN_HOST: '127.0.0.1',
    };
    const ready = async (): Promise<boolean> => (await fetch(`http://127.0.0.1:${healthPort}/readyz`)).ok;
    const service = new ManagedProcess({ name: 'chat-notification', ...typescript, env, ready });
    await service.start();
    const bus = await connectNatsBus({ servers: [nats.url], log });
    const { handle, deliveries } = recorder();
    await bus.subscribe({ durable: 'test', filters: ['sh.keptn.events.log'], from: 'all' }, handle);
    await bus.publish({ ...eventOf(event.type, event.data), id: 'evaluation' });
    await until('the log events', () => deliveries.length >= 2);
    expect(webhook.messages).to.deep.equal([told]);
    const again = `chat-notification will try ${event.type} again: the chat answered 500`;
    for (const [n, message] of [again, `told the chat: ${told.text}`].entries()) {
      expect(deliveries[n]?.event.data).to.include({ message, eventId: 'evaluation' });
    }
    expect(await service.end('SIGTERM')).to.equal(0);
    await bus.close();
    await nats.stop();
    await webhook.close();
  });
});
