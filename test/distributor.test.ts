/** What the distributor brings to a service, and what it does with what the service answers. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { eventOf, recorder, until } from '../lib/bus/contract-parts.ts';
import { createMemoryBus } from '../lib/bus/memory/bus.ts';
import type { EventBus } from '../lib/bus/port.ts';
import type { KeptnEvent } from '../lib/events/event.ts';
import { createEventMetrics } from '../lib/observe/event-metrics.ts';
import { createLog } from '../lib/observe/log.ts';
import { durableOf, urlOf } from '../services/distributor/recipient.ts';
import { startDistributor } from '../services/distributor/service.ts';
import { freePort } from '../tools/real-parts/free-port.ts';

const log = createLog('distributor', 'silent');
const type = 'sh.keptn.event.test';

interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: Record<string, unknown>;
}

/** A service that notes what comes and answers by `answer`; by default 202 without a body. */
async function receiver(
  answer: (response: ServerResponse, nth: number) => void = (response) => response.writeHead(202).end(),
  port = 0,
) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
        received.push({ path: request.url ?? '', headers: request.headers, body });
        answer(response, received.length);
      });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { port: (server.address() as AddressInfo).port, received, close };
}

describe('the distributor', () => {
  let directory: string;
  let bus: EventBus;
  const ends: (() => Promise<void>)[] = [];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keptn-distributor-'));
    bus = await createMemoryBus({ directory, log, backoff: { firstMs: 10, maxMs: 50 } });
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    await bus.close();
    await rm(directory, { recursive: true });
  });

  async function service(...given: Parameters<typeof receiver>) {
    const started = await receiver(...given);
    ends.push(started.close);
    return started;
  }

  async function distribute(port: number, { topics = [type], path = '', timeoutMs = 5_000, maxAttempts = 10 } = {}) {
    const url = urlOf({ recipient: '127.0.0.1', port, path });
    const limits = { concurrency: 16, timeoutMs, maxAttempts };
    const place = { bus, url, topics, durable: durableOf(url, topics), from: 'all', log } as const;
    const distributor = await startDistributor({ ...place, ...limits, metrics: createEventMetrics() });
    ends.push(() => distributor.close());
    return distributor;
  }

  /** What is stored from now on below these types. */
  async function stored(...filters: string[]): Promise<KeptnEvent[]> {
    const { handle, deliveries } = recorder();
    await bus.subscribe({ durable: `test-${randomUUID()}`, filters, from: 'all' }, handle);
    await until('an event', () => deliveries.length > 0);
    return deliveries.map(({ event }) => event);
  }

  it('posts each event of its topics as structured 0.2, to the path that it is told', async () => {
    const { port, received } = await service();
    await distribute(port, { topics: [type, 'sh.keptn.events.>'], path: 'event' });
    const events = [type, 'sh.keptn.other', 'sh.keptn.events.a.b'].map((one) => eventOf(one, { a: 1 }));
    for (const event of events) await bus.publish(event);
    await until('both', () => received.length >= 2);
    expect(received.map(({ body }) => body['type']).sort()).to.deep.equal([type, 'sh.keptn.events.a.b']);
    const { path, headers, body } = received.find(({ body: { id } }) => id === events[0]?.id) ?? {};
    expect(path).to.equal('/event');
    expect(headers).to.include({ 'content-type': 'application/cloudevents+json' });
    const { id, source, time, shkeptncontext } = events[0] ?? {};
    const fields = { id, source, time, shkeptncontext, type, gitcommitid: 'f00', data: { a: 1 } };
    expect(body).to.deep.equal({ specversion: '0.2', contenttype: 'application/json', ...fields });
  });

  it('tries again what is answered with 500, closed, or not answered in time', async () => {
    const { port, received } = await service((response, nth) => {
      if (nth === 1) response.writeHead(500).end();
      else if (nth === 2) response.destroy();
      else if (nth !== 3) response.writeHead(200).end();
    });
    await distribute(port, { timeoutMs: 200 });
    const event = eventOf(type);
    await bus.publish(event);
    await until('the fourth try', () => received.length >= 4);
    expect(received.map(({ body }) => body['id'])).to.deep.equal(Array(4).fill(event.id));
  });

  it('waits as long as the service asks for', async () => {
    const times: number[] = [];
    const { port } = await service((response, nth) => {
      times.push(Date.now());
      response.writeHead(nth === 1 ? 429 : 200, { 'retry-after': '1' }).end();
    });
    await distribute(port);
    await bus.publish(eventOf(type));
    await until('the second try', () => times.length === 2);
    expect((times[1] ?? 0) - (times[0] ?? 0)).to.be.within(990, 2_000);
  });

  it('waits for a service that is away, however often that takes, without giving the event up', async () => {
    const port = await freePort();
    await distribute(port, { maxAttempts: 1 });
    const event = eventOf(type);
    await bus.publish(event);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const { received } = await service(undefined, port);
    await until('the event', () => received.length > 0);
    expect(received[0]?.body['id']).to.equal(event.id);
  });

  it('does not offer again what the service refuses with 400', async () => {
    const { port, received } = await service((response) => response.writeHead(400).end('{"error":"unknown type"}'));
    await distribute(port);
    for (const one of [eventOf(type), eventOf(type)]) await bus.publish(one);
    await until('both', () => received.length >= 2);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(received.length).to.equal(2);
  });

  it('gives an event up after the last try: as a dead letter, and with a log event that says why', async () => {
    const { port, received } = await service((response) => response.writeHead(503).end());
    await distribute(port, { maxAttempts: 3 });
    const event = eventOf(type);
    await bus.publish(event);
    const [line] = await stored('sh.keptn.events.log');
    expect(line).to.include({ source: 'distributor', shkeptncontext: event.shkeptncontext });
    expect(line?.data).to.deep.equal({
      message: `${type} was given up after 3 tries: the receiver answered 503`,
      loglevel: 'ERROR',
      terminate: false,
      eventId: event.id,
    });
    expect((await stored('dead.>')).map(({ id }) => id)).to.deep.equal([event.id]);
    expect(received.length).to.equal(3);
  });

  for (const [mode, headers, body] of [
    [
      'structured',
      { 'content-type': 'application/cloudevents+json' },
      { specversion: '0.2', type: 'sh.keptn.event.answer', data: 7 },
    ],
    ['binary', { 'content-type': 'application/json', 'ce-specversion': '1.0', 'ce-type': 'sh.keptn.event.answer' }, 7],
  ] as const) {
    it(`publishes once the ${mode} event that the service answers, in the context of its cause, though it is delivered twice`, async () => {
      const { port, received } = await service((response) => {
        response.writeHead(200, { ...headers, 'ce-id': randomUUID() }).end(JSON.stringify(body));
      });
      const distributor = await distribute(port);
      const event = eventOf(type);
      await bus.publish(event);
      await until('the event', () => received.length > 0);
      const [answer] = await stored('sh.keptn.event.answer');
      await distributor.close();
      // The same delivery again, as after a crash that took the acknowledgement with it.
      await bus.close();
      await rm(join(directory, `${durableOf(urlOf({ recipient: '127.0.0.1', port, path: '' }), [type])}.cursor`));
      bus = await createMemoryBus({ directory, log });
      await distribute(port);
      await until('the event again', () => received.length > 1);
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect((await stored('sh.keptn.event.answer')).length).to.equal(1);
      expect(answer).to.deep.include({ data: 7, shkeptncontext: event.shkeptncontext });
    });
  }

  it('stops at once while a service is away, and begins there again', async () => {
    const port = await freePort();
    const distributor = await distribute(port);
    const event = eventOf(type);
    await bus.publish(event);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const began = Date.now();
    await distributor.close();
    expect(Date.now() - began).to.be.below(1_000);
    const { received } = await service(undefined, port);
    await distribute(port);
    await until('the event', () => received.length > 0);
    expect(received[0]?.body['id']).to.equal(event.id);
  });
});

describe("the distributor's environment", () => {
  const cases: [string, number, string, string][] = [
    ['lighthouse-service', 8080, '', 'http://lighthouse-service:8080/'],
    [
      'mongodb-datastore.keptn-datastore.svc',
      8080,
      '/event',
      'http://mongodb-datastore.keptn-datastore.svc:8080/event',
    ],
    ['mongodb-datastore', 8080, 'event', 'http://mongodb-datastore:8080/event'],
    ['lighthouse-service', 666, '', 'http://lighthouse-service:666/'],
    ['https://lighthouse.example.com', 8443, '', 'https://lighthouse.example.com:8443/'],
  ];
  for (const [recipient, port, path, expected] of cases) {
    it(`leads ${recipient}, ${port} and "${path}" to ${expected}`, () => {
      expect(urlOf({ recipient, port, path }).href).to.equal(expected);
    });
  }

  it('gives the two distributors of one service two durables, and replicas of one the same', () => {
    const url = urlOf({ recipient: 'helm-service', port: 8080, path: '' });
    const names = [['sh.keptn.a'], ['sh.keptn.b'], ['sh.keptn.b', 'sh.keptn.a'], ['sh.keptn.a', 'sh.keptn.b']];
    const [a, b, both, again] = names.map((topics) => durableOf(url, topics));
    expect(new Set([a, b, both]).size).to.equal(3);
    expect(again).to.equal(both);
    expect(both).to.match(/^helm-service-[0-9a-f]{10}$/);
  });
});
