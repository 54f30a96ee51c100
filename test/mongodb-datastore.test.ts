/** What clients of 0.6.2 get from /event and /log, and what they cannot do to it. On SQLite and the bus in process. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { createMemoryBus } from '../lib/bus/memory/bus.ts';
import type { EventBus } from '../lib/bus/port.ts';
import type { KeptnEvent } from '../lib/events/event.ts';
import { createEventMetrics, type EventMetrics } from '../lib/observe/event-metrics.ts';
import { createLog } from '../lib/observe/log.ts';
import type { EventStore, Retention } from '../lib/store/port.ts';
import { openSqliteStore } from '../lib/store/sqlite/store.ts';
import { startDatastore } from '../services/mongodb-datastore/service.ts';

interface Datastore {
  bus: EventBus;
  store: EventStore;
  /** `call`: method and path; `body`: text as it is, anything else as JSON. */
  ask(call: string, body?: unknown): Promise<{ status: number; json: unknown; headers: Headers }>;
  metrics: EventMetrics;
  stop(): Promise<void>;
}

/** With what was stored before it started. */
async function start(retention: Retention = {}, before: readonly KeptnEvent[] = []): Promise<Datastore> {
  const directory = await mkdtemp(join(tmpdir(), 'keptn-datastore-'));
  const log = createLog('test', 'silent');
  const store = await openSqliteStore({ path: join(directory, 'events.sqlite') });
  await store.append(before);
  const bus = await createMemoryBus({ directory: join(directory, 'bus'), log });
  const metrics = createEventMetrics();
  const server = await startDatastore({ store, bus, retention, host: '127.0.0.1', port: 0, metrics, log });
  return {
    metrics,
    bus,
    store,
    async ask(call, body) {
      const [method = '', path = ''] = call.split(' ');
      const sent = typeof body === 'string' ? body : JSON.stringify(body);
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(server.url + path, { method, headers, ...(body !== undefined && { body: sent }) });
      const text = await response.text();
      const isJson = response.headers.get('content-type')?.includes('json');
      const json: unknown = isJson ? JSON.parse(text) : text;
      return { status: response.status, json, headers: response.headers };
    },
    async stop() {
      await server.close();
      await bus.close();
      await store.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

const change = 'sh.keptn.event.configuration.change';

/** As the 0.6.2 services send it. */
function legacy(id: string, shkeptncontext: string, minute: number, changes: object = {}) {
  const time = `2020-05-01T10:${minute}:00.000Z`;
  const data = { project: 'sockshop', stage: 'dev', service: 'carts' };
  const envelope = { specversion: '0.2', contenttype: 'application/json', shkeptncontext };
  return { ...envelope, id, time, type: change, source: 'helm-service', data, ...changes };
}

function event(changes: Partial<KeptnEvent> = {}): KeptnEvent {
  const time = new Date().toISOString();
  return { id: randomUUID(), type: change, source: 'test', time, shkeptncontext: 'ctx', data: {}, ...changes };
}

const ids = (json: unknown): string[] =>
  (json as { events: { id: string }[] | null }).events?.map(({ id }) => id) ?? [];

describe('the datastore', () => {
  let datastore: Datastore;
  const ask: Datastore['ask'] = (call, body) => datastore.ask(call, body);
  const get = async (path: string): Promise<unknown> => (await ask(`GET ${path}`)).json;

  beforeEach(async () => {
    datastore = await start();
  });
  afterEach(() => datastore.stop());

  async function given(...events: object[]): Promise<void> {
    for (const one of events) expect((await ask('POST /event', one)).status).to.equal(201);
  }

  async function until(path: string, holds: (json: unknown) => boolean): Promise<unknown> {
    for (let tries = 0; tries < 400; tries += 1) {
      const json = await get(path);
      if (holds(json)) return json;
      await sleep(25);
    }
    throw new Error(`it did not come: ${path}`);
  }

  it('answers as 0.6.2 does when there is nothing', async () => {
    expect(await get('/event')).to.deep.equal({ events: null, pageSize: 20 });
    expect(await get('/event?root=true')).to.deep.equal({ events: null });
    expect(await get('/log?eventId=zz')).to.deep.equal({ logs: null, pageSize: 20 });
  });

  it('gives an event back with the fields of 0.2, in the media type of CloudEvents', async () => {
    const sent = legacy('id1', 'ctx-1', 10, { gitcommitid: 'f00' });
    await given(sent);
    const { json, headers } = await ask('GET /event');
    expect(json).to.deep.equal({ events: [sent], pageSize: 20, totalCount: 1 });
    expect(headers.get('content-type')).to.match(/^application\/cloudevents\+json/);
  });

  it('finds by context, type, source, project, stage, service and time, the newest first', async () => {
    const other = { project: 'bank', stage: 'prod', service: 'orders' };
    await given(
      legacy('id1', 'ctx-1', 10),
      legacy('id2', 'ctx-1', 20, { type: 'sh.keptn.events.tests-finished', source: 'jmeter-service' }),
      legacy('id3', 'ctx-2', 30),
      legacy('id4', 'ctx-22', 40, { data: other }),
    );
    const answers: [string, string[]][] = [
      ['keptnContext=ctx-2', ['id3']],
      ['keptnContext=ctx-1', ['id2', 'id1']],
      [`type=${change}`, ['id4', 'id3', 'id1']],
      ['source=jmeter-service', ['id2']],
      ['project=bank', ['id4']],
      ['stage=dev&service=carts', ['id3', 'id2', 'id1']],
      ['project=bank&service=carts', []],
      ['fromTime=2020-05-01T10:20:00.000Z', ['id4', 'id3']],
      ['fromTime=2020-05-01T10:10:00Z&beforeTime=2020-05-01T10:40:00Z&project=sockshop', ['id3', 'id2']],
      ['project=&keptnContext=ctx-22', ['id4']],
    ];
    for (const [query, expected] of answers) expect(ids(await get(`/event?${query}`)), query).to.deep.equal(expected);
  });

  it('answers who waits for an event when it is there, or after two seconds without it', async () => {
    const began = performance.now();
    const [found, missed] = [get('/event?keptnContext=ctx-1&until=late'), get('/event?keptnContext=ctx-1&until=never')];
    await sleep(100);
    await given(legacy('late', 'ctx-1', 10));
    expect(ids(await found)).to.deep.equal(['late']);
    expect(performance.now() - began).to.be.within(100, 1_900);
    expect(ids(await missed)).to.deep.equal(['late']);
    expect(performance.now() - began).to.be.above(1_900);
  });

  it('gives pages whose key is absent at the end', async () => {
    await given(legacy('id1', 'ctx-1', 10), legacy('id2', 'ctx-1', 20), legacy('id3', 'ctx-2', 30));
    const first = (await get(`/event?type=${change}&pageSize=2`)) as { nextPageKey: string };
    expect(first).to.include({ pageSize: 2, totalCount: 3 });
    await given(legacy('id4', 'ctx-2', 40));
    const second = await get(`/event?type=${change}&pageSize=2&nextPageKey=${encodeURIComponent(first.nextPageKey)}`);
    expect([ids(first), ids(second)]).to.deep.equal([['id3', 'id2'], ['id1']]);
    expect(second).not.to.have.property('nextPageKey');
    expect(ids(await get('/event?nextPageKey=0&pageSize=1'))).to.deep.equal(['id4']);
  });

  it('gives the oldest event of each context that matches, whatever root and pageSize say, and no counts', async () => {
    await given(
      legacy('id2', 'ctx-1', 20),
      legacy('id1', 'ctx-1', 10, { data: { project: 'sockshop' }, type: 'sh.keptn.events.problem' }),
      legacy('id3', 'ctx-2', 30),
      legacy('id4', 'ctx-3', 40, { data: { project: 'bank' } }),
    );
    for (const root of ['root=true&pageSize=1', 'root=false']) {
      const json = await get(`/event?${root}&project=sockshop&stage=dev`);
      expect(ids(json)).to.deep.equal(['id3', 'id1']);
      expect(Object.keys(json as object)).to.deep.equal(['events']);
    }
    expect(ids(await get('/event?root=true&fromTime=2020-05-01T10:10:00.000Z'))).to.deep.equal(['id4', 'id3']);
  });

  it('never gives back eventContext, and has not stored its token', async () => {
    const data = { project: 'p', eventContext: { keptnContext: 'x', token: 'hunter2' }, gitToken: 'hunter2' };
    await given(legacy('id1', 'ctx-1', 10, { data }));
    const { events } = (await get('/event?project=p')) as { events: { data: unknown }[] };
    expect(events[0]?.data).to.deep.equal({ project: 'p', eventContext: null, gitToken: null });
    expect(JSON.stringify(await datastore.store.query({}, { size: 1 }))).not.to.include('hunter2');
  });

  it('stores an event once that arrives twice, by whatever way', async () => {
    const twice = event({ shkeptncontext: 'ctx-twice' });
    await datastore.bus.publish(twice);
    await given({ specversion: '1.0', ...twice }, { specversion: '0.2', ...twice });
    expect(await until('/event?keptnContext=ctx-twice', (json) => ids(json).length > 0)).to.include({ totalCount: 1 });
  });

  it('stores what comes over the bus, log events among the logs', async () => {
    const data = { message: 'Stage dev created', loglevel: 'INFO', terminate: false };
    const line = event({ type: 'sh.keptn.events.log', source: 'shipyard-service', data });
    const plain = event();
    await Promise.all([line, plain].map((one) => datastore.bus.publish(one)));
    expect(ids(await until('/event', (json) => ids(json).length > 0))).to.deep.equal([plain.id]);
    const logs = await until('/log?keptnContext=ctx', (json) => (json as { logs: unknown }).logs !== null);
    const shown = { keptnContext: 'ctx', keptnService: 'shipyard-service', message: data.message, logLevel: 'INFO' };
    expect(logs).to.deep.equal({ logs: [{ timestamp: line.time, ...shown }], pageSize: 20, totalCount: 1 });
  });

  it('stores log entries that name their service, and finds them by their event', async () => {
    const entry = { timestamp: '2020-05-01T10:00:00.000Z', keptnContext: 'c', eventId: 'e', keptnService: 's' };
    const entries = [
      { ...entry, message: 'one', logLevel: 'INFO' },
      { ...entry, timestamp: '2020-05-01T12:00:00+01:00', message: 'two' },
      { eventId: 'e', message: 'nobody' },
    ];
    expect((await ask('POST /log', entries)).status).to.equal(201);
    expect(await get('/log?eventId=e&pageSize=50')).to.deep.equal({
      logs: [
        { ...entry, timestamp: '2020-05-01T11:00:00.000Z', message: 'two' },
        { ...entry, message: 'one', logLevel: 'INFO' },
      ],
      pageSize: 50,
      totalCount: 2,
    });
  });

  it('refuses pages of no size, keys that it has not given, and times that are none', async () => {
    const answers: [string, number, number, RegExp][] = [
      ['/event?pageSize=101', 422, 608, /less than or equal to 100/],
      ['/event?pageSize=0', 422, 609, /greater than or equal to 1/],
      ['/event?pageSize=ten', 422, 601, /^pageSize in query/],
      ['/event?type=a&type=b', 422, 601, /^type in query/],
      ['/event?nextPageKey=42', 422, 422, /^nextPageKey: /],
      ['/event?nextPageKey=eyIkZ3QiOiIifQ', 422, 422, /^nextPageKey: /],
      ['/event?fromTime=yesterday', 422, 605, /^fromTime in query must be a time/],
      ['/log?pageSize=1e9', 422, 601, /^pageSize in query/],
      ['/logs', 404, 404, /was not found/],
    ];
    for (const [path, status, code, message] of answers) {
      const answered = await ask(`GET ${path}`);
      expect(answered.status, path).to.equal(status);
      const json = answered.json as { code: number; message: string };
      expect(json.code, path).to.equal(code);
      expect(json.message, path).to.match(message);
    }
  });

  it('finds nothing by query operators', async () => {
    await given(legacy('id1', 'ctx-1', 10));
    const queries = [
      'keptnContext={"$ne":null}',
      'keptnContext=.*',
      'project=$where',
      "source=' OR '1'='1",
      'type=%25',
    ];
    for (const query of queries) expect(ids(await get(`/event?${encodeURI(query)}`)), query).to.deep.equal([]);
    // A name with brackets is another parameter, which means nothing.
    expect(ids(await get('/event?keptnContext[$ne]=x'))).to.deep.equal(['id1']);
  });

  it('refuses bodies that are no events, and goes on', async () => {
    const large = JSON.stringify(legacy('id1', 'c', 10, { data: 'x'.repeat(20 * 1024 * 1024) }));
    const deep = JSON.stringify(legacy('id2', 'c', 10)).replace(
      '"sockshop"',
      '['.repeat(200_000) + ']'.repeat(200_000),
    );
    const bodies: [unknown, number][] = [
      ['{"id":', 400],
      ['[]', 400],
      ['null', 400],
      ['"text"', 400],
      [{}, 422],
      [legacy('', 'ctx', 10), 422],
      [legacy('id', 'ctx', 10, { id: { $ne: null } }), 422],
      [legacy('id', 'ctx', 10, { type: 7 }), 422],
      [legacy('id', 'ctx', 10, { time: 'noon' }), 422],
      [legacy('id', 'ctx', 10, { shkeptncontext: ['ctx'] }), 422],
      [legacy('id', 'ctx', 10, { 'a.$b': '1' }), 422],
      [legacy('id', 'ctx\nforged', 10), 422],
      ['{"__proto__":{"id":"x"},"specversion":"0.2"}', 422],
      [deep, 422],
      [large, 413],
    ];
    for (const [body, status] of bodies) {
      const answered = await ask('POST /event', body);
      expect(answered.status, JSON.stringify(body).slice(0, 80)).to.equal(status);
      expect((answered.json as { message: string }).message.length).to.be.within(1, 300);
    }
    const logs: [unknown, number][] = [
      [{ message: 'no list' }, 400],
      [[{ keptnService: { $gt: '' } }], 422],
      [[{ keptnService: 's', timestamp: 'noon' }], 422],
      [Array.from({ length: 10_001 }, () => ({})), 422],
    ];
    for (const [body, status] of logs) expect((await ask('POST /log', body)).status).to.equal(status);
    expect(await get('/event')).to.deep.equal({ events: null, pageSize: 20 });
  });

  it('asks to come again later when too many large events come at once, and stores the others', async () => {
    const large = Array.from({ length: 40 }, (_, n) => legacy(`id${n}`, 'c', 10, { data: 'x'.repeat(1_900_000) }));
    const answers = await Promise.all(large.map((one) => ask('POST /event', one)));
    const stored = answers.filter(({ status }) => status === 201).length;
    const refused = answers.filter(
      ({ status, headers }) => status === 503 && headers.get('retry-after') === '1',
    ).length;
    expect(stored).to.be.at.least(4);
    expect(refused).to.be.at.least(1);
    expect(stored + refused).to.equal(40);
    expect(await get('/event')).to.include({ totalCount: stored });
  });

  it('keeps data as it came, with whatever names', async () => {
    const data = '{"__proto__":{"admin":true},"constructor":1,"$where":"1","a.b":null,"project":"odd"}';
    await ask('POST /event', JSON.stringify(legacy('id1', 'ctx', 10)).replace(/"data":\{[^}]*\}/, `"data":${data}`));
    const { events } = (await get('/event?project=odd')) as { events: { data: unknown }[] };
    expect(JSON.stringify(events[0]?.data)).to.equal(data);
    expect(({} as Record<string, unknown>)['admin']).to.equal(undefined);
  });

  it('forgets the oldest events in the background', async () => {
    await datastore.stop();
    const before = Array.from({ length: 1_200 }, (_, n) => event({ time: new Date(n).toISOString() }));
    datastore = await start({ maxCount: 2 }, before);
    const kept = before.slice(-2).map(({ id }) => id);
    const left = await until('/event', (json) => (json as { totalCount: number }).totalCount <= 2);
    expect(ids(left)).to.deep.equal(kept.reverse());
  });

  it('describes itself, and says that it is ready', async () => {
    const { paths } = (await get('/openapi.json')) as { paths: object };
    expect(Object.keys(paths)).to.deep.equal(['/event', '/log']);
    expect((await ask('GET /readyz')).json).to.deep.equal({ status: 'ok' });
  });

  it('counts what it has stored from the bus', async () => {
    await datastore.bus.publish(event());
    await until('/event', (json) => ids(json).length === 1);
    const text = await datastore.metrics.registry.metrics();
    expect(text).to.include('keptn_events_handled_total{subscription="mongodb-datastore",result="ack"} 1');
  });
});
