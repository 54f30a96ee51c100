/** How many events the bus stores and delivers a second: `npm run bench -- bus`. Both adapters, 1 kB of data, synced to disk. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryBus } from '../lib/bus/memory/bus.ts';
import { connectNatsBus } from '../lib/bus/nats/bus.ts';
import type { EventBus } from '../lib/bus/port.ts';
import { createLog } from '../lib/observe/log.ts';
import { startNats } from '../test/launch/nats.ts';

const EVENTS = 3_000;
const log = createLog('bench', 'silent');
const type = 'sh.keptn.event.configuration.change';

async function publish(bus: EventBus, inFlight: number): Promise<number> {
  let left = EVENTS;
  const began = performance.now();
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (left > 0) {
        left -= 1;
        const data = { text: 'x'.repeat(1_000) };
        await bus.publish({
          id: randomUUID(),
          type,
          source: 'bench',
          time: new Date().toISOString(),
          shkeptncontext: randomUUID(),
          data,
        });
      }
    }),
  );
  return (EVENTS * 1000) / (performance.now() - began);
}

async function consume(bus: EventBus, expected: number): Promise<number> {
  let seen = 0;
  const began = performance.now();
  const { promise, resolve } = Promise.withResolvers<void>();
  const subscription = await bus.subscribe(
    { durable: 'bench', filters: ['sh.keptn.>'], from: 'all', concurrency: 256 },
    async () => {
      seen += 1;
      if (seen === expected) resolve();
      return { kind: 'ack' };
    },
  );
  await promise;
  const rate = (expected * 1000) / (performance.now() - began);
  await subscription.stop();
  return rate;
}

async function measure(name: string, bus: EventBus): Promise<Record<string, string>> {
  while (!bus.ready()) await new Promise((resolve) => setTimeout(resolve, 20));
  const row: Record<string, string> = { bus: name };
  const windows = [1, 16, 256];
  for (const inFlight of windows) row[`${inFlight} in flight`] = `${(await publish(bus, inFlight)).toFixed(0)}/s`;
  row['delivered and acknowledged'] = `${(await consume(bus, EVENTS * windows.length)).toFixed(0)}/s`;
  await bus.close();
  return row;
}

const nats = await startNats();
const directory = await mkdtemp(join(tmpdir(), 'keptn-bench-bus-'));
try {
  console.table([
    await measure('NATS JetStream, sync always', await connectNatsBus({ servers: [nats.url], log })),
    await measure('in process, log on disk', await createMemoryBus({ directory, log })),
  ]);
} finally {
  await nats.stop();
  await rm(directory, { recursive: true, force: true });
}
process.exit(0);
