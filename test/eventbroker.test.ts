/** What the eventbroker takes, what it makes of it, and when it says that it has it. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiscardPolicy, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect } from 'chai';
import { recorder, until } from '../lib/bus/contract-parts.ts';
import { createMemoryBus } from '../lib/bus/memory/bus.ts';
import { connectNatsBus } from '../lib/bus/nats/bus.ts';
import type { EventBus } from '../lib/bus/port.ts';
import type { KeptnEvent } from '../lib/events/event.ts';
import { createEventMetrics } from '../lib/observe/event-metrics.ts';
import { createLog } from '../lib/observe/log.ts';
import { startEventbroker } from '../services/eventbroker/service.ts';
import { startNats } from './launch/nats.ts';

const log = createLog('eventbroker', 'silent');
const type = 'sh.keptn.event.configuration.change';
const answerOf = async (response: Response): Promise<{ keptnContext: string; id: string }> =>
  (await response.json()) as { keptnContext: string; id: string };

/** A broker on a bus, and what was stored on it. */
async function broker(bus: EventBus, types?: string[]) {
  const place = { bus, host: '127.0.0.1', port: 0, metrics: createEventMetrics(), log };
  const server = await startEventbroker(types ? { ...place, types } : place);
  const { handle, deliveries } = recorder();
  const options = { durable: `test-${randomUUID()}`, filters: ['sh.keptn.>'], from: 'all' } as const;
  const subscribed = bus.subscribe(options, handle);
  const post = (body: unknown, headers: Record<string, string> = {}, path = '/'): Promise<Response> =>
    fetch(server.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/cloudevents+json', ...headers },
      body: typeof body === 'string' || body instanceof Uint8Array ? Buffer.from(body) : JSON.stringify(body),
    });
  const stored = async (count: number): Promise<KeptnEvent[]> => {
    await subscribed;
    await until('the events', () => deliveries.length >= count);
    return deliveries.map(({ event }) => event);
  };
  return { url: server.url, close: () => server.close(), post, stored };
}

describe('the eventbroker', () => {
  let directory: string;
  let bus: EventBus;
  let started: Awaited<ReturnType<typeof broker>>;
  const event = { specversion: '0.2', type, source: 'cli', id: 'one', shkeptncontext: 'context', data: { a: 1 } };

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keptn-eventbroker-'));
    bus = await createMemoryBus({ directory, log });
    started = await broker(bus);
  });
  afterEach(async () => {
    await started.close();
    await bus.close();
    await rm(directory, { recursive: true });
  });

  for (const path of ['/', '/keptn', '/keptn/']) {
    it(`takes an event at ${path} and answers when it is stored`, async () => {
      const response = await started.post(event, {}, path);
      expect([response.status, await answerOf(response)]).to.deep.equal([202, { keptnContext: 'context', id: 'one' }]);
      expect((await started.stored(1))[0]).to.include({ type, source: 'cli', id: 'one', shkeptncontext: 'context' });
    });
  }

  for (const [specversion, contenttype] of [
    ['0.2', 'contenttype'],
    ['0.2', 'contentType'],
    ['0.3', 'datacontenttype'],
    ['1.0', 'datacontenttype'],
  ] as const) {
    for (const header of ['application/cloudevents+json', 'application/json', 'application/json; charset=utf-8']) {
      it(`takes structured ${specversion} with ${contenttype}, posted as ${header}`, async () => {
        const sent = { ...event, specversion, [contenttype]: 'application/json', gitcommitid: 'f00' };
        expect((await started.post(sent, { 'content-type': header })).status).to.equal(202);
        const [stored] = await started.stored(1);
        expect(stored).to.deep.include({ data: { a: 1 }, extensions: { gitcommitid: 'f00' } });
      });
    }
  }

  it('takes data that is a text, as a service of 0.6.2 may send it', async () => {
    await started.post({ ...event, data: '{"a":1}' });
    expect((await started.stored(1))[0]?.data).to.equal('{"a":1}');
  });

  it('takes binary 1.0, extensions and percent-encoded values included', async () => {
    const headers = {
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-type': type,
      'ce-source': 'caf%C3%A9',
      'ce-id': 'one',
      'ce-shkeptncontext': 'context',
      'ce-gitcommitid': 'f00',
    };
    expect((await started.post({ a: 1 }, headers)).status).to.equal(202);
    expect((await started.stored(1))[0]).to.deep.include({
      source: 'café',
      data: { a: 1 },
      extensions: { gitcommitid: 'f00' },
    });
  });

  it('gives id, time and keptn context to an event that has none, or empty ones', async () => {
    const bare = { specversion: '0.2', type, source: 'cli', data: {} };
    const answers = [
      await answerOf(await started.post(bare)),
      await answerOf(await started.post({ ...bare, id: '', time: '', shkeptncontext: null })),
      // As Go writes a time that nobody has set.
      await answerOf(await started.post({ ...bare, time: '0001-01-01T00:00:00Z' })),
    ];
    const stored = await started.stored(3);
    expect(stored.map(({ id, shkeptncontext }) => ({ keptnContext: shkeptncontext, id }))).to.deep.equal(answers);
    expect(new Set(answers.flatMap(({ id, keptnContext }) => [id, keptnContext])).size).to.equal(6);
    for (const { time } of stored) expect(Date.now() - Date.parse(time)).to.be.below(10_000);
  });

  it('stores an event once that a sender repeats', async () => {
    for (let n = 0; n < 3; n += 1) expect((await started.post(event)).status).to.equal(202);
    await started.post({ ...event, id: 'two' });
    expect((await started.stored(2)).map(({ id }) => id)).to.deep.equal(['one', 'two']);
  });

  const refusals: [string, number, unknown, Record<string, string>?][] = [
    ['what is no JSON', 400, '{"specversion":'],
    ['a body that is no event', 400, { hello: 'world' }],
    ['an empty body', 400, ''],
    ['a list', 400, [event]],
    ['bytes that are no UTF-8', 400, new Uint8Array([0x22, 0xff, 0x22])],
    ['a type of the wrong kind', 422, { ...event, type: 7 }],
    ['an event without a source', 422, { ...event, source: undefined }],
    ['an unknown version', 422, { ...event, specversion: '9' }],
    ['an extension that is an object', 422, { ...event, labels: {} }],
    ['__proto__ as an extension', 422, `{"specversion":"0.2","type":"${type}","source":"s","__proto__":{"id":"x"}}`],
    ['a type with a wildcard', 422, { ...event, type: 'sh.keptn.>' }],
    ['a type with a line break', 422, { ...event, type: 'sh.keptn.a\r\nPUB x' }],
    ['a type outside sh.keptn.', 422, { ...event, type: '$JS.API.STREAM.DELETE.keptn' }],
    ['a dead letter', 422, { ...event, type: 'dead.sh.keptn.a' }],
    [
      'data that is nested too deep',
      422,
      `{"specversion":"0.2","type":"${type}","source":"s","data":${'['.repeat(1e6)}${']'.repeat(1e6)}}`,
    ],
    ['what a web page sends', 403, event, { origin: 'https://example.com' }],
  ];
  for (const [what, status, body, headers] of refusals) {
    it(`refuses ${what} with ${status}`, async () => {
      const response = await started.post(body, headers);
      expect([response.status, await response.json()]).to.have.nested.property('[1].code', status);
      await started.post({ ...event, id: 'good' });
      expect((await started.stored(1)).map(({ id }) => id)).to.deep.equal(['good']);
    });
  }

  it('refuses 20 MB, said or not said before, without reading them', async () => {
    const said = await started.post('x'.repeat(20e6)).catch(() => undefined);
    const chunk = new Uint8Array(1e6);
    let sent = 0;
    const body = new ReadableStream({
      pull: (controller) => (sent++ < 20 ? controller.enqueue(chunk) : controller.close()),
    });
    const unsaid = await fetch(started.url, { method: 'POST', body, duplex: 'half' }).catch(() => undefined);
    // A client that goes on sending may see the end of the connection before the answer.
    for (const response of [said, unsaid]) expect(response?.status ?? 413).to.equal(413);
    expect((await started.post(event)).status).to.equal(202);
  });

  it('takes only the types that it is told to', async () => {
    const strict = await broker(bus, ['sh.keptn.event.*', 'sh.keptn.internal.>']);
    const statuses = [];
    for (const one of ['sh.keptn.event.a', 'sh.keptn.internal.event.b.c', type, 'sh.keptn.events.a']) {
      statuses.push((await strict.post({ ...event, id: one, type: one })).status);
    }
    await strict.close();
    expect(statuses).to.deep.equal([202, 202, 422, 422]);
  });
});

describe('the eventbroker without a bus that stores', () => {
  const event = { specversion: '0.2', type, source: 'cli', id: 'one', shkeptncontext: 'c', data: {} };
  let nats: Awaited<ReturnType<typeof startNats>>;
  let bus: EventBus;
  let started: Awaited<ReturnType<typeof broker>>;

  beforeEach(async () => {
    nats = await startNats();
    bus = await connectNatsBus({ servers: [nats.url], log, publishTimeoutMs: 300 });
    started = await broker(bus);
    expect((await started.post({ ...event, id: 'before' })).status).to.equal(202);
  });
  afterEach(async () => {
    await started.close();
    await bus.close();
    await nats.stop();
  });

  /** Changes the stream behind the back of the bus. */
  async function change(config: { discard?: DiscardPolicy; max_msgs: number }): Promise<void> {
    const admin = await connect({ servers: nats.url });
    await (await jetstreamManager(admin)).streams.update('keptn', config);
    await admin.close();
  }

  const ways: [string, () => unknown, () => unknown][] = [
    ['is away', () => nats.kill(), () => nats.startAgain()],
    ['answers nothing', () => nats.freeze(), () => nats.goOn()],
    ['is full', () => change({ discard: DiscardPolicy.New, max_msgs: 1 }), () => change({ max_msgs: -1 })],
  ];
  for (const [what, begin, end] of ways) {
    it(`answers 503 with Retry-After while NATS ${what}, and the event is stored once after all tries`, async () => {
      await begin();
      const response = await started.post(event);
      expect([response.status, response.headers.get('retry-after')]).to.deep.equal([503, '1']);
      await end();
      let status = 0;
      await until('the event to be taken', () => {
        if (status !== 202) void started.post(event).then((answer) => (status = answer.status));
        return status === 202;
      });
      expect((await started.stored(2)).map(({ id }) => id)).to.deep.equal(['before', 'one']);
    });
  }
});
