/** The contract of the event bus on both adapters, and what only one of them has to withstand. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { pino } from 'pino';
import { eventOf, recorder, until } from '../../lib/bus/contract-parts.ts';
import { busContract } from '../../lib/bus/contract.ts';
import { createMemoryBus, type MemoryBusSettings } from '../../lib/bus/memory/bus.ts';
import { connectNatsBus } from '../../lib/bus/nats/bus.ts';
import type { NatsSettings } from '../../lib/bus/nats/settings.ts';
import type { EventBus } from '../../lib/bus/port.ts';
import { Terminal, Transient } from '../../lib/errors/classes.ts';
import type { KeptnEvent } from '../../lib/events/event.ts';
import { createLog } from '../../lib/observe/log.ts';
import { startNats } from '../launch/nats.ts';

const log = createLog('bus', 'silent');
const backoff = { firstMs: 20, maxMs: 200 };
const all = { durable: 'test', filters: ['sh.keptn.>'], from: 'all', ackWaitMs: 1_000 } as const;

const temporary = (): Promise<string> => mkdtemp(join(tmpdir(), 'keptn-bus-'));

busContract('in process', async () => {
  const directory = await temporary();
  return {
    open: () => createMemoryBus({ directory, log, backoff }),
    restart: () => Promise.resolve(),
    remove: () => rm(directory, { recursive: true }),
  };
});

busContract('NATS JetStream', async () => {
  const nats = await startNats();
  return {
    open: () => connectNatsBus({ servers: [nats.url], log, backoff }),
    restart: async () => {
      // A server that is killed sooner has forgotten the last verdicts: those events would come again.
      await sleep(500);
      await nats.kill();
      await nats.startAgain();
    },
    remove: () => nats.stop(),
  };
});

const lib = new URL('../../lib/', import.meta.url).href;

/** A process that runs this; what it prints comes line by line. */
function runModule(code: string, onLine: (line: string) => void) {
  const started = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let rest = '';
  started.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  return started;
}

/** Tries until it is stored, as every sender does. */
async function publishForSure(bus: EventBus, event: KeptnEvent): Promise<void> {
  for (;;) {
    try {
      await bus.publish(event);
      return;
    } catch (error) {
      if (!(error instanceof Transient)) throw error;
      await sleep(20);
    }
  }
}

/** The ids of all stored events, each as often as it is there; in the order of storing with one delivery at a time. */
async function storedIds(bus: EventBus, atLeast: number, concurrency = 1): Promise<string[]> {
  const { handle, ids } = recorder();
  const subscription = await bus.subscribe({ ...all, durable: `reader-${Date.now()}`, concurrency }, handle);
  await until('the stored events', () => ids().length >= atLeast);
  await sleep(200);
  await subscription.stop();
  return ids();
}

describe('the event bus on NATS', () => {
  let nats: Awaited<ReturnType<typeof startNats>>;
  let bus: EventBus;

  beforeEach(async () => {
    nats = await startNats();
  });
  afterEach(async () => {
    await bus.close();
    await nats.stop();
  });

  const open = (settings: Partial<NatsSettings> = {}): Promise<EventBus> =>
    connectNatsBus({ servers: [nats.url], log, backoff, ...settings });

  it('starts before NATS does, says so, and works when NATS is there', async () => {
    await nats.kill();
    bus = await open({ publishTimeoutMs: 300 });
    const { handle, ids } = recorder();
    await bus.subscribe(all, handle);
    assert.equal(bus.ready(), false);
    assert.equal(bus.health().subscriptions[0]?.attached, false);
    await assert.rejects(bus.publish(eventOf('sh.keptn.a')), Transient);
    await nats.startAgain();
    await until('the connection', () => bus.ready());
    const event = eventOf('sh.keptn.a');
    await publishForSure(bus, event);
    await until('the event', () => ids().length > 0);
    assert.deepEqual(ids(), [event.id]);
  });

  it('loses and doubles no event when NATS is killed three times while it publishes and consumes', async () => {
    bus = await open({ publishTimeoutMs: 2_000 });
    const { handle, ids } = recorder();
    await bus.subscribe({ ...all, concurrency: 16 }, handle);
    const sent: string[] = [];
    let going = true;
    const senders = Array.from({ length: 16 }, async () => {
      while (going) {
        const event = eventOf('sh.keptn.event.a');
        await publishForSure(bus, event);
        sent.push(event.id);
      }
    });
    for (let kill = 0; kill < 3; kill += 1) {
      const before = sent.length;
      await until('publishing', () => sent.length > before + 200);
      await nats.kill();
      await sleep(300);
      await nats.startAgain();
    }
    const before = sent.length;
    await until('publishing after the last kill', () => sent.length > before + 200);
    going = false;
    await Promise.all(senders);
    await until('all events', () => new Set(ids()).size >= sent.length, 60_000);
    assert.deepEqual([...new Set(ids())].sort(), [...sent].sort());
    assert.deepEqual((await storedIds(bus, sent.length, 100)).sort(), [...sent].sort());
  });

  it('goes on when somebody deletes its consumer, and when somebody deletes the stream', async () => {
    bus = await open();
    const { handle, ids } = recorder();
    await bus.subscribe({ ...all, from: 'new' }, handle);
    const events = Array.from({ length: 3 }, () => eventOf('sh.keptn.a'));
    const admin = await connect({ servers: nats.url });
    const jsm = await jetstreamManager(admin);
    for (const [i, event] of events.entries()) {
      if (i === 1) await jsm.consumers.delete('keptn', 'test');
      if (i === 2) await jsm.streams.delete('keptn');
      await publishForSure(bus, event);
      await until(`event ${i}`, () => ids().includes(event.id));
    }
    await admin.close();
    assert.deepEqual(
      [...new Set(ids())],
      events.map(({ id }) => id),
    );
  });

  it('goes on at once with the next event after NATS was killed behind an acknowledgement', async () => {
    bus = await open();
    const { handle, ids } = recorder();
    await bus.subscribe({ ...all, ackWaitMs: 60_000 }, handle);
    for (let kill = 0; kill < 3; kill += 1) {
      const event = eventOf('sh.keptn.a');
      await publishForSure(bus, event);
      // The server forgets that the event before has its verdict: with one place it would wait out ackWaitMs.
      await until('the event', () => ids().includes(event.id), 10_000);
      await nats.kill();
      await nats.startAgain();
    }
  });

  it('takes the first event of a stream made anew for another than the one still in work', async () => {
    bus = await open();
    const { handle, ids } = recorder(async () => sleep(1_000).then(() => ({ kind: 'ack' })));
    await bus.subscribe({ ...all, ackWaitMs: 10_000 }, handle);
    const [old, fresh] = [eventOf('sh.keptn.a'), eventOf('sh.keptn.a')];
    await bus.publish(old);
    await until('the old event', () => ids().length === 1);
    const admin = await connect({ servers: nats.url });
    await (await jetstreamManager(admin)).streams.delete('keptn');
    await admin.close();
    await publishForSure(bus, fresh);
    await until('the fresh event', () => ids().length === 2);
    assert.deepEqual(ids(), [old.id, fresh.id]);
  });

  const ways: [string, (process: ReturnType<typeof worker>) => Promise<void>][] = [
    ['is killed', async (process) => void process.kill('SIGKILL')],
    [
      'stands still for longer than anybody waits for it',
      async (process) => {
        process.kill('SIGSTOP');
        await sleep(8_000);
        process.kill('SIGCONT');
      },
    ],
  ];
  for (const [what, befall] of ways) {
    it(`keeps the order of each context when the process that gives out the work ${what}`, async () => {
      const lines: string[] = [];
      const [first, second] = ['first', 'second'].map((name) => worker(name, (line) => lines.push(line)));
      bus = await open();
      await until('both processes', () => lines.includes('first ready') && lines.includes('second ready'));
      for (let n = 0; n < 400; n += 1) await bus.publish({ ...eventOf('sh.keptn.a', n), shkeptncontext: `${n % 20}` });
      const seen = (): string[] => lines.filter((line) => /^\w+ \d/.test(line));
      await until('some events', () => seen().length > 100);
      const helpers = new Set(seen().map((line) => line.split(' ')[0]));
      if (first) await befall(first);
      const unique = (): string[] => [...new Set(seen().map((line) => line.slice(line.indexOf(' ') + 1)))];
      await until('all events', () => unique().length >= 400, 30_000);
      for (const process of [first, second]) process?.kill('SIGKILL');
      assert.deepEqual([...helpers].sort(), ['first', 'second']);
      for (let context = 0; context < 20; context += 1) {
        const numbers = unique().filter((line) => line.startsWith(`${context} `));
        assert.deepEqual(
          numbers,
          Array.from({ length: 20 }, (_, round) => `${context} ${round * 20 + context}`),
        );
      }
    });
  }

  /** A process of the durable `shared`; it prints its name and `ready`, then name, context and number of each event. */
  function worker(name: string, onLine: (line: string) => void) {
    const code = `
      import { connectNatsBus } from '${lib}bus/nats/bus.ts';
      import { createLog } from '${lib}observe/log.ts';
      const { writeSync } = await import('node:fs');
      const bus = await connectNatsBus({ servers: ['${nats.url}'], log: createLog('child', 'silent') });
      const options = { durable: 'shared', filters: ['sh.keptn.>'], from: 'all', concurrency: 8, ackWaitMs: 2000 };
      await bus.subscribe(options, async ({ event }) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        writeSync(1, '${name} ' + event.shkeptncontext + ' ' + event.data + '\\n');
        return { kind: 'ack' };
      });
      writeSync(1, '${name} ready\\n');`;
    return runModule(code, onLine);
  }

  it('puts what is no event among the dead letters, as it came, and goes on', async () => {
    bus = await open();
    const [events, graves] = [recorder(), recorder()];
    await bus.subscribe(all, events.handle);
    await bus.subscribe({ ...all, durable: 'graves', filters: ['dead.>'] }, graves.handle);
    const admin = await connect({ servers: nats.url });
    admin.publish('sh.keptn.raw', 'no event');
    await admin.flush();
    const event = eventOf('sh.keptn.a');
    await bus.publish(event);
    await until('both', () => events.ids().length > 0 && graves.ids().length > 0);
    await admin.close();
    assert.deepEqual(events.ids(), [event.id]);
    const [grave] = graves.deliveries;
    assert.deepEqual(grave?.dead, { reason: 'event: is not JSON', durable: 'test', attempts: 1 });
    assert.deepEqual(grave?.event.data, { base64: Buffer.from('no event').toString('base64') });
  });

  it('shows no password in its log or its errors', async () => {
    const lines: string[] = [];
    const stream = new PassThrough().on('data', (chunk: Buffer) => lines.push(chunk.toString()));
    const servers = [nats.url.replace('://', '://keptn:hunter2@')];
    await nats.kill();
    bus = await open({ servers, publishTimeoutMs: 300, log: pino({ level: 'trace' }, stream) });
    await bus.subscribe(all, recorder().handle);
    const error: unknown = await bus
      .publish(eventOf('sh.keptn.a', { gitToken: 'hunter2' }))
      .catch((thrown: unknown) => thrown);
    assert.ok(error instanceof Transient);
    assert.ok(lines.length > 0);
    assert.doesNotMatch(lines.join('') + String(error.stack) + String(error.cause), /hunter2/);
    await nats.startAgain();
  });
});

describe('the event bus in process', () => {
  let directory: string;
  let bus: EventBus | undefined;

  beforeEach(async () => {
    directory = await temporary();
  });
  afterEach(async () => {
    await bus?.close();
    bus = undefined;
    await rm(directory, { recursive: true });
  });

  const open = async (settings: Partial<MemoryBusSettings> = {}): Promise<EventBus> =>
    (bus = await createMemoryBus({ directory, log, backoff, ...settings }));

  /** A process that opens the bus and runs this; what it prints comes line by line. */
  function child(body: string, onLine: (line: string) => void = () => undefined) {
    const code = `
      import { createMemoryBus } from '${lib}bus/memory/bus.ts';
      import { eventOf } from '${lib}bus/contract-parts.ts';
      import { createLog } from '${lib}observe/log.ts';
      const bus = await createMemoryBus({ directory: ${JSON.stringify(directory)}, log: createLog('child', 'silent') });
      ${body}`;
    return runModule(code, onLine);
  }

  it('has every acknowledged event exactly once after its process was killed 20 times', async () => {
    const acknowledged: string[] = [];
    const publishing = `
      const { writeSync } = await import('node:fs');
      const send = async () => {
        for (;;) {
          const event = eventOf('sh.keptn.event.a', 'x'.repeat(Math.random() * 2000));
          await bus.publish(event);
          writeSync(1, event.id + '\\n');
        }
      };
      await Promise.all(Array.from({ length: 8 }, send));`;
    for (let kill = 0; kill < 20; kill += 1) {
      let begun = 0;
      const process = child(publishing, (line) => {
        begun += 1;
        acknowledged.push(line);
      });
      await until('the first acknowledgement', () => begun > 0);
      await sleep(Math.random() * 100);
      process.kill('SIGKILL');
      await once(process, 'close');
    }
    const stored = await storedIds(await open(), acknowledged.length, 100);
    const known = new Set(stored);
    assert.equal(known.size, stored.length, 'an id is there twice');
    assert.deepEqual(
      acknowledged.filter((id) => !known.has(id)),
      [],
    );
  });

  it('gives up an event that kills its process each time', async () => {
    const deadly = eventOf('sh.keptn.deadly');
    const harmless = eventOf('sh.keptn.harmless');
    await open();
    await bus?.publish(deadly);
    await bus?.publish(harmless);
    await bus?.close();
    const handling = `
      await bus.subscribe({ durable: 'test', filters: ['sh.keptn.>'], from: 'all', maxAttempts: 3 }, async ({ event }) => {
        if (event.type === 'sh.keptn.deadly') process.kill(process.pid, 'SIGKILL');
        return { kind: 'ack' };
      });
      await new Promise((resolve) => setTimeout(resolve, 300));
      await bus.close();`;
    const ends: unknown[] = [];
    for (let life = 0; life < 4; life += 1) {
      const [code] = (await once(child(handling), 'close')) as unknown[];
      ends.push(code);
    }
    assert.deepEqual(ends, [null, null, null, 0]);
    const { deliveries, handle } = recorder();
    await (await open()).subscribe({ ...all, durable: 'graves', filters: ['dead.>'] }, handle);
    await until('the dead letter', () => deliveries.length > 0);
    assert.deepEqual(
      deliveries.map(({ event }) => event.id),
      [deadly.id],
    );
    assert.deepEqual(deliveries[0]?.dead, {
      reason: 'the last try ended without a verdict',
      durable: 'test',
      attempts: 4,
    });
  });

  async function segments(): Promise<string[]> {
    return (await readdir(directory)).filter((name) => name.endsWith('.jsonl')).map((name) => join(directory, name));
  }

  it('cuts off a torn last line and goes on behind the last whole one', async () => {
    const [one, two] = [eventOf('sh.keptn.a'), eventOf('sh.keptn.b')];
    await (await open()).publish(one);
    await bus?.close();
    const [file = ''] = await segments();
    await appendFile(file, '{"seq":2,"at":"2026-01-01T00:00:00Z","id":"torn","subject":"sh.keptn.a","body":{"spec');
    await (await open()).publish(two);
    await bus?.close();
    assert.doesNotMatch(await readFile(file, 'utf8'), /torn/);
    assert.deepEqual(await storedIds(await open(), 2), [one.id, two.id]);
  });

  it('is not blocked by a line that the disk has broken: what is no event goes to the dead letters', async () => {
    const events = Array.from({ length: 4 }, (_, n) => eventOf('sh.keptn.a', { n }));
    await open();
    for (const event of events) await bus?.publish(event);
    await bus?.close();
    const [file = ''] = await segments();
    const lines = (await readFile(file, 'utf8')).split('\n');
    lines[1] = 'x'.repeat(lines[1]?.length ?? 0);
    lines[2] = lines[2]?.replace('"specversion"', '"spexversion"') ?? '';
    await writeFile(file, lines.join('\n'));
    assert.deepEqual(await storedIds(await open(), 2), [events[0]?.id, events[3]?.id]);
    const graves = recorder();
    await bus?.subscribe({ ...all, durable: 'graves', filters: ['dead.>'] }, graves.handle);
    await until('the dead letter', () => graves.ids().length > 0);
    assert.match(graves.deliveries[0]?.dead?.reason ?? '', /^specversion: /);
  });

  it('keeps as many events as it should and all that a durable has not read, and refuses more than it may hold', async () => {
    await open({ keep: 100, limit: 400 });
    const publish = (count: number): Promise<unknown> =>
      (async () => {
        for (let n = 0; n < count; n += 1) await bus?.publish(eventOf('sh.keptn.a'));
      })();
    const reader = recorder();
    await bus?.subscribe(all, reader.handle);
    await publish(500);
    await until('all events', () => reader.ids().length === 500);
    await publish(20);
    assert.ok((await segments()).length <= 12, 'old segments are there still');
    const blocked = recorder(() => new Promise(() => undefined));
    const held = createMemoryBus({ directory, log });
    await assert.rejects(held, (error) => error instanceof Terminal && error.code === 'Conflict');
    await bus?.subscribe({ ...all, durable: 'late', from: 'new' }, blocked.handle);
    await assert.rejects(publish(1_000), (error) => error instanceof Transient && /full/.test(error.message));
    assert.equal(bus?.ready(), false);
    // Its handler never ends, so neither would a close.
    bus = undefined;
  });
});
