/**
 * The way of an event from its sender to a service, end to end, as the log grows: `npm run bench -- event-plane`, about
 * nine minutes. On NATS: HTTP to the eventbroker, JetStream that syncs each message, distributor, HTTP to a service; each
 * part its own process. In process: the bus with its log on disk, and a service of the kit. 2 kB an event, as a
 * configuration.change has. Latency is from before the send to the arrival at the service.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { createMemoryBus } from '../lib/bus/memory/bus.ts';
import type { KeptnEvent } from '../lib/events/event.ts';
import { encodeEvent } from '../lib/events/codec.ts';
import { createEventMetrics } from '../lib/observe/event-metrics.ts';
import { createLog } from '../lib/observe/log.ts';
import { serve } from '../lib/service/serve.ts';
import { on } from '../lib/service/service.ts';
import { Poster } from '../services/distributor/post.ts';
import { argumentsOf } from '../test/launch/node-process.ts';
import { startNats } from '../test/launch/nats.ts';
import { freePort } from '../tools/real-parts/free-port.ts';
import { ManagedProcess } from '../tools/real-parts/managed-process.ts';

const CLIENTS = 16;
/** Events that have gone through when a row is measured. */
const SIZES = [10_000, 100_000, 1_000_000];
const MEASURED = 5_000;
const ALONE = 1_000;
const type = 'sh.keptn.event.configuration.change';
const log = createLog('bench', 'silent');
const text = 'x'.repeat(2_000);

/** 0.6.2's own eventbroker, nats-server and distributor on two cores: at most once, nothing stored. */
const former = [
  { way: '0.6.2, 16 clients', 'events/s': 1575, 'p50 ms': 318, 'p99 ms': 459 },
  { way: '0.6.2, one after another', 'events/s': 714, 'p50 ms': 1.8, 'p99 ms': '' },
];

function eventNow(): KeptnEvent {
  const time = new Date().toISOString();
  return { id: randomUUID(), type, source: 'bench', time, shkeptncontext: randomUUID(), data: { text } };
}

/** Notes when events were sent and when they arrived. */
function clock() {
  const sentAt = new Map<string, number>();
  const latencies: number[] = [];
  let wanted = 0;
  let all = Promise.withResolvers<void>();
  return {
    arrived: (id: string): void => {
      const began = sentAt.get(id);
      if (began === undefined || !sentAt.delete(id)) return;
      latencies.push(performance.now() - began);
      if (latencies.length === wanted) all.resolve();
    },
    /** Sends `count` events by `clients` at once, each one after another; a row of figures when all have arrived. */
    measure: async (way: string, count: number, clients: number, send: (event: KeptnEvent) => Promise<unknown>) => {
      latencies.length = 0;
      wanted = count;
      all = Promise.withResolvers();
      let left = count;
      const began = performance.now();
      const client = async (): Promise<void> => {
        while (left > 0) {
          left -= 1;
          const event = eventNow();
          sentAt.set(event.id, performance.now());
          await send(event);
        }
      };
      await Promise.all([...Array.from({ length: clients }, client), all.promise]);
      const rate = (count * 1000) / (performance.now() - began);
      const sorted = latencies.toSorted((a, b) => a - b);
      const at = (part: number): string => (sorted[Math.floor(part * sorted.length)] ?? 0).toFixed(1);
      return { way, 'events/s': Math.round(rate), 'p50 ms': at(0.5), 'p99 ms': at(0.99) };
    },
  };
}

async function onNats() {
  const { arrived, measure } = clock();
  const idOf = z.object({ id: z.string() });
  const receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        arrived(idOf.parse(JSON.parse(Buffer.concat(chunks).toString())).id);
        response.writeHead(202).end();
      });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const nats = await startNats();
  const parts: ManagedProcess[] = [];
  const memoryOf: (() => Promise<string>)[] = [];
  const start = async (name: string, env: Record<string, string>): Promise<void> => {
    const health = await freePort();
    const common = { PUBSUB_URL: nats.url, KEPTN_LISTEN_HOST: '127.0.0.1', KEPTN_HEALTH_PORT: String(health) };
    const part = new ManagedProcess({
      name,
      command: process.execPath,
      args: argumentsOf(name),
      env: { ...common, LOG_LEVEL: 'warn', ...env },
      ready: async () => (await fetch(`http://127.0.0.1:${health}/readyz`)).ok,
    });
    parts.push(part);
    memoryOf.push(async () => {
      const text = await (await fetch(`http://127.0.0.1:${health}/metrics`)).text();
      return megabytes(Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1]));
    });
    await part.start();
  };
  const port = await freePort();
  await start('eventbroker', { RCV_PORT: String(port) });
  await start('distributor', {
    PUBSUB_TOPIC: 'sh.keptn.>',
    PUBSUB_RECIPIENT: '127.0.0.1',
    PUBSUB_RECIPIENT_PORT: String((receiver.address() as AddressInfo).port),
  });
  const poster = new Poster(new URL(`http://127.0.0.1:${port}`), CLIENTS);
  const headers = { 'content-type': 'application/cloudevents+json' };
  const send = async (event: KeptnEvent): Promise<void> => {
    const { status } = await poster.post(encodeEvent(event), headers, AbortSignal.timeout(60_000));
    if (status !== 202) throw new Error(`the eventbroker answered ${status}`);
  };
  const rows = [];
  let sent = 0;
  for (const size of SIZES) {
    await measure('', size - MEASURED - ALONE - sent, CLIENTS, send);
    const after = `NATS, after ${size.toLocaleString('en')} events`;
    const together = await measure(`${after}, ${CLIENTS} clients`, MEASURED, CLIENTS, send);
    const alone = await measure(`${after}, one after another`, ALONE, 1, send);
    const [eventbroker = '', distributor = ''] = await Promise.all(memoryOf.map((ask) => ask()));
    rows.push(together, { ...alone, 'eventbroker MB': eventbroker, 'distributor MB': distributor });
    sent = size;
  }
  poster.close();
  for (const part of parts.reverse()) await part.end('SIGTERM');
  await nats.stop();
  receiver.close();
  return rows;
}

async function inProcess() {
  const directory = await mkdtemp(join(tmpdir(), 'keptn-bench-events-'));
  const bus = await createMemoryBus({ directory, log });
  const { arrived, measure } = clock();
  const handle = async ({ id }: KeptnEvent): Promise<void> => arrived(id);
  const service = { name: 'bench', subscriptions: [on(type, z.object({ text: z.string() }), handle)] };
  const served = await serve(service, { bus, metrics: createEventMetrics(), log });
  const send = (event: KeptnEvent): Promise<unknown> => bus.publish(event);
  const rows = [];
  let sent = 0;
  for (const size of SIZES) {
    await measure('', size - MEASURED - ALONE - sent, CLIENTS, send);
    const after = `in process, after ${size.toLocaleString('en')} events`;
    rows.push(await measure(`${after}, ${CLIENTS} clients`, MEASURED, CLIENTS, send));
    const alone = await measure(`${after}, one after another`, ALONE, 1, send);
    rows.push({ ...alone, 'all in one MB': megabytes(process.memoryUsage.rss()) });
    sent = size;
  }
  await served.close();
  await bus.close();
  await rm(directory, { recursive: true });
  return rows;
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}

console.table([...former, ...(await onNats()), ...(await inProcess())]);
process.exit(0);
