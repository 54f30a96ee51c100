/** What the kit does around the function that a service is. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { pino } from 'pino';
import { z } from 'zod';
import { eventOf, recorder, until } from '../lib/bus/contract-parts.ts';
import { createMemoryBus } from '../lib/bus/memory/bus.ts';
import type { EventBus } from '../lib/bus/port.ts';
import { Terminal, Transient, Waiting } from '../lib/errors/classes.ts';
import type { KeptnEvent } from '../lib/events/event.ts';
import { createEventMetrics } from '../lib/observe/event-metrics.ts';
import { createLog } from '../lib/observe/log.ts';
import { handlerOf } from '../lib/service/handle.ts';
import { HandledIds } from '../lib/service/handled-ids.ts';
import { serve, type ServeSettings } from '../lib/service/serve.ts';
import { on, type Handle, type Service } from '../lib/service/service.ts';

const log = createLog('service-kit', 'silent');
const cause = 'sh.keptn.event.cause';
const effect = 'sh.keptn.event.effect';
const effects = { durable: 'effects', filters: [effect], from: 'all' } as const;
const logs = { durable: 'logs', filters: ['sh.keptn.events.log'], from: 'all' } as const;
const graves = { durable: 'graves', filters: ['dead.>'], from: 'all' } as const;

const serviceOf = (handle: Handle<{ n: number }>, limits: Partial<Service> = {}): Service => ({
  name: 'kit-test',
  subscriptions: [on(cause, z.object({ n: z.number() }), handle)],
  ...limits,
});

describe('a service', () => {
  let directory: string;
  let bus: EventBus;
  const open = (): Promise<EventBus> => createMemoryBus({ directory, log, backoff: { firstMs: 10, maxMs: 50 } });

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keptn-service-kit-'));
    bus = await open();
  });
  afterEach(async () => {
    await bus.close();
    await rm(directory, { recursive: true });
  });

  const start = (service: Service, settings: Partial<ServeSettings> = {}) =>
    serve(service, { bus, log, metrics: createEventMetrics(), ...settings });

  async function events(options: Parameters<EventBus['subscribe']>[0], count: number): Promise<KeptnEvent[]> {
    const { handle, deliveries } = recorder();
    const subscription = await bus.subscribe(options, handle);
    await until(`${count} events of ${options.durable}`, () => deliveries.length >= count);
    await sleep(50);
    await subscription.stop();
    return deliveries.map(({ event }) => event);
  }

  it('sends what its function gives, in the context of the cause, named as the service', async () => {
    await start(
      serviceOf(async ({ data }) => [{ type: effect, data: data.n + 1, extensions: { gitcommitid: 'f00' } }]),
    );
    const event = eventOf(cause, { n: 1 });
    await bus.publish(event);
    const [sent, ...others] = await events(effects, 1);
    expect(others).to.deep.equal([]);
    const { shkeptncontext } = event;
    expect(sent).to.deep.include({ data: 2, source: 'kit-test', shkeptncontext, extensions: { gitcommitid: 'f00' } });
  });

  it('takes waiting, and parts that are away, for no failed try where a service may wait', async () => {
    const errors = [
      new Waiting('Conflict', 'not yet'),
      new Transient('away'),
      new Error('a bug'),
      new Terminal('Rejected', 'no'),
    ];
    const kindOf = async (error: Error, limits: Partial<Service>): Promise<string> => {
      const { handle } = await inHand(serviceOf(() => Promise.reject(error), { maxAttempts: 2, ...limits }));
      const event = eventOf(cause, { n: 1 });
      for (const attempt of [1, 2, 3, 4]) {
        const verdict = await handle({ event, attempt });
        if (verdict.kind !== 'retry') return `${verdict.kind} after ${attempt}`;
      }
      return 'goes on';
    };
    const kinds = async (limits: Partial<Service>) => Promise.all(errors.map((error) => kindOf(error, limits)));
    expect(await kinds({ maxWaits: 10 })).to.deep.equal(['goes on', 'goes on', 'dead after 2', 'dead after 1']);
    expect(await kinds({})).to.deep.equal(['dead after 2', 'dead after 2', 'dead after 2', 'dead after 1']);
  });

  /** The handler without a bus, for deliveries that no bus makes. */
  async function inHand(service: Service) {
    const published: KeptnEvent[] = [];
    const publish = async (event: KeptnEvent): Promise<void> => void published.push(event);
    const ending = new AbortController().signal;
    const around = { publish, handled: new HandledIds(), metrics: createEventMetrics(), log, ending };
    return { handle: handlerOf(service, around) };
  }

  it('sends its log lines as log events in order, each with the event that it is about, before what it causes', async () => {
    const order: string[] = [];
    const seen = recorder(async ({ event }) => {
      order.push(event.type === effect ? 'effect' : String((event.data as { message: string }).message));
      return { kind: 'ack' };
    });
    await bus.subscribe({ durable: 'order', filters: ['sh.keptn.events.log', effect], from: 'all' }, seen.handle);
    await start(
      serviceOf(async (_event, { log: say }) => {
        for (let n = 0; n < 5; n += 1) say.info(`line ${n}`);
        say.debug('for the process log alone');
        say.last('done');
        return [{ type: effect, data: null }];
      }),
    );
    const event = eventOf(cause, { n: 1 });
    await bus.publish(event);
    await until('the effect', () => order.includes('effect'));
    expect(order).to.deep.equal(['line 0', 'line 1', 'line 2', 'line 3', 'line 4', 'done', 'effect']);
    const line = seen.deliveries[5]?.event;
    expect(line).to.include({ type: 'sh.keptn.events.log', source: 'kit-test', shkeptncontext: event.shkeptncontext });
    expect(line?.data).to.deep.equal({ message: 'done', loglevel: 'INFO', terminate: true, eventId: event.id });
  });

  it('writes the same lines to the process log, with keptnContext and eventId', async () => {
    const lines: Record<string, unknown>[] = [];
    const stream = new PassThrough().on('data', (chunk: Buffer) => {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
    });
    await start(
      serviceOf(async (_event, { log: say }) => say.warn('careful')),
      { log: pino({}, stream) },
    );
    const event = eventOf(cause, { n: 1 });
    await bus.publish(event);
    await until('the line', () => lines.length > 0);
    expect(lines[0]).to.include({ msg: 'careful', level: 40, keptnContext: event.shkeptncontext, eventId: event.id });
  });

  it('answers no log event with log events', async () => {
    const heard: string[] = [];
    const talkative: Service = {
      name: 'talkative',
      subscriptions: [
        on('sh.keptn.>', z.unknown(), async (event, { log: say }) => {
          heard.push(event.type);
          say.info('heard it');
        }),
      ],
    };
    await start(talkative);
    await bus.publish(eventOf(cause));
    await until('the log event', () => heard.length >= 2);
    await sleep(100);
    expect(heard).to.deep.equal([cause, 'sh.keptn.events.log']);
  });

  it('is tried again after a Transient or an unknown error, and sends its effect once', async () => {
    let tries = 0;
    await start(
      serviceOf(async () => {
        tries += 1;
        if (tries === 1) throw new Transient('not there');
        if (tries === 2) throw new TypeError('a bug');
        return [{ type: effect, data: tries }];
      }),
    );
    await bus.publish(eventOf(cause, { n: 1 }));
    expect((await events(effects, 1)).map(({ data }) => data)).to.deep.equal([3]);
    expect((await events(logs, 2)).map(({ data }) => data)).to.containSubset([
      { message: `kit-test will try ${cause} again: not there`, loglevel: 'WARN' },
      { message: `kit-test will try ${cause} again: a bug`, loglevel: 'WARN' },
    ]);
  });

  for (const [what, limits, handle, reason] of [
    ['a Terminal error', {}, async () => Promise.reject(new Terminal('Rejected', 'no such chart')), 'no such chart'],
    ['the last try', { maxAttempts: 2 }, async () => Promise.reject(new Transient('still away')), 'still away'],
    [
      'a time limit that is passed',
      { timeoutMs: 50, maxAttempts: 1 },
      async () => sleep(5_000, undefined, { ref: false }),
      'not done within 0.05 s',
    ],
  ] as [string, Partial<Service>, Handle<{ n: number }>, string][]) {
    it(`gives an event up after ${what}: as a dead letter, and with a log event that says why`, async () => {
      await start(serviceOf(handle, limits));
      const event = eventOf(cause, { n: 1 });
      await bus.publish(event);
      expect((await events(graves, 1)).map(({ id }) => id)).to.deep.equal([event.id]);
      const message = `kit-test gives up ${cause}: ${reason}`;
      const line = (await events(logs, 1)).at(-1);
      expect(line?.data).to.deep.equal({ message, loglevel: 'ERROR', terminate: false, eventId: event.id });
    });
  }

  it('never sees data that does not fit its schema; the log event names the field', async () => {
    let seen = 0;
    await start(serviceOf(async () => void (seen += 1)));
    await bus.publish(eventOf(cause, { n: 'one' }));
    const [line] = await events(logs, 1);
    expect((line?.data as { message: string }).message).to.match(/data\.n: /);
    expect(seen).to.equal(0);
  });

  it('takes data that is JSON in a text, as services of 0.6.2 do', async () => {
    await start(serviceOf(async ({ data }) => [{ type: effect, data: data.n }]));
    await bus.publish(eventOf(cause, '{"n":7}'));
    expect((await events(effects, 1)).map(({ data }) => data)).to.deep.equal([7]);
  });

  it('does not handle again, even after a restart, what comes again long after', async () => {
    let handled = 0;
    const stateFile = join(directory, 'state', 'kit-test.handled');
    const service = serviceOf(async () => void (handled += 1));
    const event = eventOf(cause, { n: 1 });
    let served = await start(service, { stateFile });
    await bus.publish(event);
    await until('the event', () => handled === 1);
    for (const fresh of [false, true]) {
      await served.close();
      await bus.close();
      // A bus that has forgotten the event takes it for a new one.
      if (fresh) directory = await mkdtemp(join(tmpdir(), 'keptn-service-kit-'));
      else await rm(join(directory, 'kit-test.cursor'));
      bus = await open();
      served = await start(service, { stateFile });
      await bus.publish(event);
      await bus.publish(eventOf(cause, { n: 2 }));
      await until('the other event', () => handled >= (fresh ? 3 : 2));
    }
    await sleep(50);
    expect(handled).to.equal(3);
  });

  it('has sent each effect once after its process was killed behind each step of the work', async () => {
    await bus.close();
    const lib = new URL('../lib/', import.meta.url).href;
    const life = (killBehind: number): Promise<unknown> => {
      const code = `
        import { createMemoryBus } from '${lib}bus/memory/bus.ts';
        import { createLog } from '${lib}observe/log.ts';
        import { createEventMetrics } from '${lib}observe/event-metrics.ts';
        import { serve } from '${lib}service/serve.ts';
        import { on } from '${lib}service/service.ts';
        const { z } = await import('${import.meta.resolve('zod')}');
        const log = createLog('child', 'silent');
        const bus = await createMemoryBus({ directory: ${JSON.stringify(directory)}, log });
        let steps = 0;
        const step = () => { if ((steps += 1) === ${killBehind}) process.kill(process.pid, 'SIGKILL'); };
        const publish = bus.publish.bind(bus);
        bus.publish = async (event) => { const done = await publish(event); step(); return done; };
        const handle = async ({ data }, { log }) => {
          log.info('working');
          return ['first', 'second'].map((name) => ({ type: '${effect}', data: name }));
        };
        const service = { name: 'kit-test', subscriptions: [on('${cause}', z.unknown(), handle)] };
        const served = await serve(service, { bus, log, metrics: createEventMetrics() });
        if (${killBehind} === 1) { steps = -1; await bus.publish(JSON.parse(process.env.EVENT)); }
        await new Promise((resolve) => setTimeout(resolve, 400));
        await served.close();
        await bus.close();`;
      const env = { ...process.env, EVENT: JSON.stringify(eventOf(cause, { n: 1 })) };
      return once(spawn(process.execPath, ['--input-type=module', '-e', code], { env, stdio: 'inherit' }), 'close');
    };
    for (const killBehind of [1, 2, 3]) expect(await life(killBehind)).to.deep.equal([null, 'SIGKILL']);
    expect(await life(0)).to.deep.equal([0, null]);
    bus = await open();
    expect((await events(effects, 2)).map(({ data }) => data)).to.deep.equal(['first', 'second']);
  });
});
