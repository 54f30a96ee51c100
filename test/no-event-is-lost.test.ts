/**
 * 10,000 events on their whole way, eventbroker, NATS, two distributors, a service, while each of these is killed again
 * and again and the service fails, hangs and dawdles: each event is handled, in order within its context, and what it
 * causes is there once.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect } from 'chai';
import { recorder, until } from '../lib/bus/contract-parts.ts';
import { connectNatsBus } from '../lib/bus/nats/bus.ts';
import { createLog } from '../lib/observe/log.ts';
import { freePort } from '../tools/real-parts/free-port.ts';
import { ManagedProcess } from '../tools/real-parts/managed-process.ts';
import { startNats } from './launch/nats.ts';
import { root } from './launch/node-process.ts';

const EVENTS = 10_000;
const CLIENTS = 16;
/** Of one sender; it stays with one for some events, so that several of a context are on their way at once. */
const CONTEXTS = 13;
const IN_A_ROW = 4;
/** Senders that are this far ahead of the service wait, so that all parts are at work when one is killed. */
const AHEAD = 2_000;
const cause = 'sh.keptn.event.cause';
const effect = 'sh.keptn.event.effect';
const lib = new URL('../lib/', import.meta.url).href;

/** A service of the kit that prints `context number` of what it has handled, when it does not fail, hang or dawdle. */
const serviceCode = `
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createEventMetrics } from '${lib}observe/event-metrics.ts';
import { createLog } from '${lib}observe/log.ts';
import { serveHttp } from '${lib}service/serve-http.ts';
import { on } from '${lib}service/service.ts';
const { z } = await import('${import.meta.resolve('zod')}');
const { PORT, EVENTBROKER, STATE } = process.env;
const handle = async ({ shkeptncontext, data }) => {
  const luck = Math.random();
  if (luck < 0.01) throw new Error('no luck');
  if (luck < 0.011) await sleep(60_000, undefined, { ref: false });
  if (luck < 0.03) await sleep(50);
  writeSync(1, shkeptncontext + ' ' + data.n + '\\n');
  return data.n % 10 === 0 ? [{ type: '${effect}', data: data.n }] : [];
};
const service = { name: 'victim', subscriptions: [on('${cause}', z.object({ n: z.number() }), handle)] };
const parts = { metrics: createEventMetrics(), log: createLog('victim', 'silent'), stateFile: STATE };
await serveHttp(service, { host: '127.0.0.1', port: Number(PORT), path: '/', eventbroker: EVENTBROKER, ...parts });
writeSync(1, 'ready\\n');
`;

describe('an event', () => {
  let directory: string;
  let nats: Awaited<ReturnType<typeof startNats>>;
  let service: ChildProcess | undefined;
  const processes: ManagedProcess[] = [];
  const handled: string[] = [];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keptn-no-event-is-lost-'));
    nats = await startNats();
  });
  after(async () => {
    service?.kill('SIGKILL');
    for (const one of processes) await one.end('SIGKILL');
    await nats.stop();
    await rm(directory, { recursive: true });
  });

  async function startService(env: Record<string, string>): Promise<void> {
    const child = spawn(process.execPath, ['--input-type=module', '-e', serviceCode], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    service = child;
    let rest = '';
    let ready = false;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line === 'ready') ready = true;
        else handled.push(line);
      }
    });
    await until('the service', () => ready);
  }

  async function prepare(name: 'eventbroker' | 'distributor', env: Record<string, string>): Promise<ManagedProcess> {
    const health = await freePort();
    const common = { PUBSUB_URL: nats.url, KEPTN_LISTEN_HOST: '127.0.0.1', KEPTN_HEALTH_PORT: String(health) };
    const prepared = new ManagedProcess({
      name,
      command: process.execPath,
      args: [join(root, 'services', name, 'main.ts')],
      env: { ...common, LOG_LEVEL: 'silent', ...env },
      // Not readyz: NATS may be away at this moment.
      ready: async () => (await fetch(`http://127.0.0.1:${health}/healthz`)).ok,
    });
    processes.push(prepared);
    await prepared.start();
    return prepared;
  }

  async function restart(process: ManagedProcess): Promise<void> {
    await process.end('SIGKILL');
    await process.start();
  }

  /** Posts until the eventbroker says that it has the event. */
  async function post(url: string, event: object): Promise<void> {
    for (;;) {
      const response = await fetch(url, { method: 'POST', body: JSON.stringify(event) }).catch(() => undefined);
      await response?.arrayBuffer().catch(() => undefined);
      if (response?.status === 202) return;
      if (response !== undefined && response.status !== 503) throw new Error(`answered ${response.status}`);
      await sleep(50);
    }
  }

  /** Each context has one sender, so that its events are stored in the order of their numbers. */
  async function sendAll(url: string): Promise<void> {
    let sent = 0;
    await Promise.all(
      Array.from({ length: CLIENTS }, async (_, client) => {
        for (let n = client; n < EVENTS; n += CLIENTS) {
          while (sent - handled.length > AHEAD) await sleep(20);
          const shkeptncontext = `context-${client}-${Math.floor(n / CLIENTS / IN_A_ROW) % CONTEXTS}`;
          await post(url, {
            specversion: '0.2',
            type: cause,
            source: 's',
            id: `event-${n}`,
            shkeptncontext,
            data: { n },
          });
          sent += 1;
        }
      }),
    );
  }

  it('is handled, in order within its context, and in effect once, whatever is killed on its way', async () => {
    const [brokerPort, servicePort] = [await freePort(), await freePort()];
    const url = `http://127.0.0.1:${brokerPort}`;
    const serviceEnv = { PORT: String(servicePort), EVENTBROKER: url, STATE: join(directory, 'handled') };
    await startService(serviceEnv);
    const broker = await prepare('eventbroker', { RCV_PORT: String(brokerPort) });
    const distributorEnv = {
      PUBSUB_TOPIC: cause,
      PUBSUB_RECIPIENT: '127.0.0.1',
      PUBSUB_RECIPIENT_PORT: String(servicePort),
      KEPTN_DURABLE: 'victim',
      KEPTN_DELIVER_FROM: 'all',
      KEPTN_TRY_SECONDS: '1',
      KEPTN_CONCURRENCY: '32',
    };
    const [one, two] = [await prepare('distributor', distributorEnv), await prepare('distributor', distributorEnv)];
    const sending = sendAll(url);

    const killService = async (): Promise<void> => {
      const ended = service && once(service, 'close');
      service?.kill('SIGKILL');
      await ended;
      await sleep(500);
      await startService(serviceEnv);
    };
    const killNats = async (): Promise<void> => {
      await nats.kill();
      await sleep(300);
      await nats.startAgain();
    };
    const deleteConsumer = async (): Promise<void> => {
      const admin = await connect({ servers: nats.url });
      await (await jetstreamManager(admin)).consumers.delete('keptn', 'victim');
      await admin.close();
    };
    const blows = [
      () => restart(one),
      killNats,
      () => restart(two),
      killService,
      () => restart(broker),
      () => restart(one),
      deleteConsumer,
      () => restart(two),
      killNats,
      killService,
      () => restart(one),
    ];
    for (const [i, blow] of blows.entries()) {
      const mark = Math.floor((EVENTS * (i + 0.5)) / blows.length);
      await until(`${mark} events, after ${i} blows`, () => handled.length >= mark, 60_000);
      await blow();
    }
    await sending;
    const distinct = (): string[] => [...new Set(handled)];
    await until('all events', () => distinct().length >= EVENTS, 60_000);

    const numbers = Map.groupBy(distinct(), (line) => line.split(' ')[0]);
    for (const [context, lines] of numbers) {
      const order = lines.map((line) => Number(line.split(' ')[1]));
      expect(order, context).to.deep.equal([...order].sort((a, b) => a - b));
    }
    expect(distinct().length).to.equal(EVENTS);

    const bus = await connectNatsBus({ servers: [nats.url], log: createLog('test', 'silent') });
    const { handle, deliveries } = recorder();
    await bus.subscribe({ durable: 'effects', filters: [effect], from: 'all', concurrency: 100 }, handle);
    await until('the effects', () => deliveries.length >= EVENTS / 10);
    await sleep(300);
    await bus.close();
    const effects = deliveries.map(({ event }) => Number(event.data)).sort((a, b) => a - b);
    expect(effects).to.deep.equal(Array.from({ length: EVENTS / 10 }, (_, n) => n * 10));
  });
});
