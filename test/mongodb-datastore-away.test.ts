/** What the datastore does while MongoDB is away, and when its own process is killed. On real servers and processes. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { connectNatsBus } from '../lib/bus/nats/bus.ts';
import type { EventBus } from '../lib/bus/port.ts';
import type { KeptnEvent } from '../lib/events/event.ts';
import { createLog } from '../lib/observe/log.ts';
import { freePort } from '../tools/real-parts/free-port.ts';
import { ManagedProcess } from '../tools/real-parts/managed-process.ts';
import { startMongo, type Mongo } from './launch/mongo.ts';
import { startNats, type Nats } from './launch/nats.ts';
import { root } from './launch/node-process.ts';

interface Process {
  url: string;
  managed: ManagedProcess;
}

/** The datastore with this environment, as a user starts it; the caller starts it. */
async function datastore(env: Record<string, string>): Promise<Process> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const managed = new ManagedProcess({
    name: 'mongodb-datastore',
    command: process.execPath,
    args: [join(root, 'services/mongodb-datastore/main.ts')],
    env: {
      MONGODB_URI: '',
      KEPTN_STORE: '',
      ...env,
      PORT: String(port),
      KEPTN_HEALTH_PORT: '0',
      KEPTN_LISTEN_HOST: '127.0.0.1',
      LOG_LEVEL: 'warn',
    },
    ready: async () => (await fetch(`${url}/healthz`)).ok,
  });
  return { url, managed };
}

function event(n: number): KeptnEvent {
  const time = new Date().toISOString();
  const data = { project: 'sockshop', n };
  return { id: randomUUID(), type: 'sh.keptn.event.a', source: 'test', time, shkeptncontext: `context-${n % 7}`, data };
}

const ask = (url: string, body?: unknown): Promise<Response> =>
  fetch(url, {
    ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });

/** Ids of all events, over all pages. */
async function stored(url: string): Promise<string[]> {
  const ids: string[] = [];
  let key = '';
  for (let pages = 0; pages < 1_000; pages += 1) {
    const response = await ask(`${url}/event?pageSize=100&nextPageKey=${encodeURIComponent(key)}`);
    const page = (await response.json()) as { events: { id: string }[] | null; nextPageKey?: string };
    ids.push(...(page.events ?? []).map(({ id }) => id));
    if (page.nextPageKey === undefined) return ids;
    key = page.nextPageKey;
  }
  throw new Error('the pages do not end');
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(100)) {
    if (await holds().catch(() => false)) return;
  }
  throw new Error(`it did not come: ${what}`);
}

describe('the datastore when something is away', () => {
  let directory: string;
  let nats: Nats;
  let bus: EventBus;
  let mongo: Mongo | undefined;
  let started: Process;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keptn-datastore-'));
    nats = await startNats();
    bus = await connectNatsBus({ servers: [nats.url], log: createLog('test', 'silent') });
    await until('NATS', async () => bus.ready());
  });
  afterEach(async () => {
    await started.managed.end('SIGTERM');
    await bus.close();
    await nats.stop();
    await mongo?.stop();
    mongo = undefined;
    await rm(directory, { recursive: true, force: true });
  });

  const publish = async (count: number): Promise<string[]> => {
    const events = Array.from({ length: count }, (_, n) => event(n));
    await Promise.all(events.map((one) => bus.publish(one)));
    return events.map(({ id }) => id);
  };

  it('misses no event of the time in which MongoDB was away, and says 503 to who asks meanwhile', async () => {
    mongo = await startMongo();
    started = await datastore({ MONGODB_URI: mongo.url, PUBSUB_URL: nats.url });
    const { url, managed } = started;
    await managed.start();
    const sent = await publish(50);
    await until('the first events', async () => (await stored(url)).length === 50);

    await mongo.kill();
    sent.push(...(await publish(100)));
    const refused = await ask(`${url}/event`, { specversion: '0.2', ...event(0) });
    expect([refused.status, refused.headers.get('retry-after')]).to.deep.equal([503, '1']);
    expect(await refused.json()).to.include({ code: 503 });
    expect((await ask(`${url}/event`)).status).to.equal(503);
    expect((await ask(`${url}/readyz`)).status).to.equal(503);
    expect((await ask(`${url}/healthz`)).status).to.equal(200);

    await mongo.startAgain();
    await until('all events', async () => (await stored(url)).length >= sent.length);
    expect((await stored(url)).sort()).to.deep.equal(sent.sort());
    const { events } = (await (await ask(`${url}/event?root=true`)).json()) as { events: unknown[] };
    expect(events).to.have.length(7);
  });

  it('starts before MongoDB does, and takes up what has waited', async () => {
    mongo = await startMongo();
    await mongo.kill();
    const sent = await publish(20);
    started = await datastore({ MONGODB_URI: `${mongo.url}history`, PUBSUB_URL: nats.url });
    await started.managed.start();
    for (let tries = 0; tries < 3; tries += 1) expect((await ask(`${started.url}/event`)).status).to.equal(503);
    await mongo.startAgain();
    await until('all events', async () => (await stored(started.url)).length >= sent.length);
    expect((await stored(started.url)).sort()).to.deep.equal(sent.sort());
  });

  it('has every event exactly once after it was killed five times while events came', async () => {
    started = await datastore({ KEPTN_STORE: join(directory, 'events.sqlite'), PUBSUB_URL: nats.url });
    const { url, managed } = started;
    const sent: string[] = [];
    for (let kill = 0; kill < 5; kill += 1) {
      await managed.start();
      const publishing = publish(300);
      await sleep(Math.random() * 200);
      await managed.end('SIGKILL');
      sent.push(...(await publishing));
    }
    await managed.start();
    await until('all events', async () => (await stored(url)).length >= sent.length);
    expect((await stored(url)).sort()).to.deep.equal(sent.sort());
  });

  it('refuses to start without knowing where to store, or with an address that is none, and shows no password', async () => {
    const environments = [
      {},
      { KEPTN_STORE: join(directory, 'a'), MONGODB_URI: 'mongodb://127.0.0.1/' },
      { MONGODB_URI: 'mongodb://keptn:hunter2@' },
      { MONGODB_URI: 'http://keptn:hunter2@127.0.0.1/' },
      { KEPTN_STORE: join(directory, 'a'), KEPTN_RETENTION_DAYS: 'many' },
    ];
    for (const env of environments) {
      started = await datastore({ ...env, PUBSUB_URL: nats.url });
      const failure: unknown = await started.managed.start().catch((thrown: unknown) => thrown);
      expect(String(failure), JSON.stringify(env)).to.match(/exit code [12]/);
      expect(String(failure)).not.to.include('hunter2');
    }
  });
});
