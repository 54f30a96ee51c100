/** One trace a keptn context, in one process: what is a span of what, and what becomes of failures and of second tries. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { z } from 'zod';
import { eventOf, recorder, until } from '../lib/bus/contract-parts.ts';
import { createMemoryBus } from '../lib/bus/memory/bus.ts';
import type { EventBus } from '../lib/bus/port.ts';
import { Waiting } from '../lib/errors/classes.ts';
import type { KeptnEvent } from '../lib/events/event.ts';
import { createEventMetrics } from '../lib/observe/event-metrics.ts';
import { createLog } from '../lib/observe/log.ts';
import { startTracing, traceIdOf } from '../lib/observe/trace.ts';
import { serve } from '../lib/service/serve.ts';
import { serveHttp } from '../lib/service/serve-http.ts';
import { on, type Handle, type Service } from '../lib/service/service.ts';
import { startDistributor } from '../services/distributor/service.ts';
import { startEventbroker } from '../services/eventbroker/service.ts';
import { Helm } from '../services/helm-service/deployer/helm.ts';
import { locate } from '../tools/real-parts/locate.ts';
import { startCollector, type Collector, type CollectedSpan } from './launch/otlp.ts';

const log = createLog('traces', 'silent');
const cause = 'sh.keptn.event.cause';
const effect = 'sh.keptn.event.effect';
const ERROR = 2;
const local = { host: '127.0.0.1', port: 0 };

const serviceOf = (handle: Handle<unknown>): Service => ({
  name: 'kit-test',
  subscriptions: [on(cause, z.unknown(), handle)],
});

describe('traces in one process', () => {
  let directory: string;
  let bus: EventBus;
  let collector: Collector;
  let tracing: { close(): Promise<void> };
  const ends: (() => Promise<unknown>)[] = [];
  const metrics = createEventMetrics();
  const open = (): Promise<EventBus> => createMemoryBus({ directory, log, backoff: { firstMs: 10, maxMs: 50 } });

  async function trace(env: Record<string, string> = {}): Promise<void> {
    Object.assign(process.env, collector.env, env);
    tracing = await startTracing('traces-test', log);
  }

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keptn-traces-'));
    bus = await open();
    collector = await startCollector();
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    await bus.close();
    await tracing.close();
    for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name];
    await collector.close();
    await rm(directory, { recursive: true });
  });

  const start = async (handle: Handle<unknown>): Promise<void> => {
    const served = await serve(serviceOf(handle), { bus, log, metrics });
    ends.push(() => served.close());
  };

  async function seen(count: number, ...filters: string[]): Promise<KeptnEvent[]> {
    const { handle, deliveries } = recorder();
    const subscription = await bus.subscribe({ durable: `seen-${randomUUID()}`, filters, from: 'all' }, handle);
    await until('events', () => deliveries.length >= count);
    await subscription.stop();
    return deliveries.map(({ event }) => event);
  }

  /** The spans once there are that many by this name. */
  async function spans(name: string, count = 1): Promise<CollectedSpan[]> {
    const found = (): CollectedSpan[] => collector.spans.filter((span) => span.name === name);
    await until(`${count} of ${name}`, () => found().length >= count);
    return found();
  }
  const span = async (name: string): Promise<CollectedSpan> => (await spans(name))[0] as CollectedSpan;

  it('has the trace of its keptn context, told by the event, and each step under the one before', async () => {
    await trace();
    await start(async () => [{ type: effect, data: null }]);
    const event = eventOf(cause);
    await bus.publish(event);
    const [stored, sent] = await seen(2, 'sh.keptn.event.*');
    const [published, handled, caused] = [
      await span(`publish ${cause}`),
      await span(`kit-test handles ${cause}`),
      await span(`publish ${effect}`),
    ];
    const traceId = event.shkeptncontext.replaceAll('-', '');
    expect([published, handled, caused].map((one) => one.traceId)).to.deep.equal([traceId, traceId, traceId]);
    expect(published.parentSpanId ?? '').to.equal('');
    expect(handled.parentSpanId).to.equal(published.spanId);
    expect(caused.parentSpanId).to.equal(handled.spanId);
    expect(stored?.extensions?.['traceparent']).to.equal(`00-${traceId}-${published.spanId}-01`);
    expect(sent?.extensions?.['traceparent']).to.equal(`00-${traceId}-${caused.spanId}-01`);
    expect(handled.attributes).to.include({ 'cloudevents.event_id': event.id, 'keptn.attempt': 1 });
    expect(handled.service).to.equal('traces-test');
  });

  it('gives contexts that are no UUID a trace as well, always the same', () => {
    for (const context of ['a context', '00000000-0000-0000-0000-000000000000', 'x'.repeat(1024)]) {
      expect(traceIdOf(context))
        .to.match(/^(?!0+$)[0-9a-f]{32}$/)
        .and.equal(traceIdOf(context));
    }
    expect(traceIdOf('a context')).to.not.equal(traceIdOf('another'));
  });

  it('stays in one trace when a service in between knows nothing of traces', async () => {
    await trace();
    await start(async () => undefined);
    const event = eventOf(cause);
    const { traceId } = { traceId: traceIdOf(event.shkeptncontext) };
    await tracing.close();
    await bus.publish(event);
    await trace();
    const handled = await span(`kit-test handles ${cause}`);
    expect([handled.traceId, handled.parentSpanId ?? '']).to.deep.equal([traceId, '']);
  });

  it('shows what throws as an error, and the tries of an event side by side', async () => {
    await trace();
    await start(async (_event, { attempt }) => {
      if (attempt === 1) throw new Error('the chart is broken');
      if (attempt === 2) throw new Waiting('Conflict', 'another is in work');
    });
    const attempts = new Map<unknown, CollectedSpan>();
    await bus.publish(eventOf(cause));
    for (const one of await spans(`kit-test handles ${cause}`, 2)) attempts.set(one.attributes['keptn.attempt'], one);
    const [failed, waiting] = [attempts.get(1), attempts.get(2)];
    expect(failed?.status).to.deep.equal({ code: ERROR, message: 'the chart is broken' });
    // That it waits is no failure.
    expect(waiting?.status.code).to.equal(0);
    expect(waiting?.parentSpanId).to.equal(failed?.parentSpanId);
  });

  it('keeps the trace, and the event as it is stored, over a restart before it is handled', async () => {
    await trace();
    const event = eventOf(cause);
    await bus.publish(event);
    await bus.publish(event);
    const [stored, ...others] = await seen(1, cause);
    expect(others).to.deep.equal([]);
    await bus.close();
    bus = await open();
    const { handle, deliveries } = recorder(({ attempt }) => ({ kind: attempt === 1 ? 'retry' : 'ack' }));
    await bus.subscribe({ durable: 'late', filters: [cause], from: 'all' }, handle);
    await until('two tries', () => deliveries.length === 2);
    expect(deliveries.map((delivery) => delivery.event)).to.deep.equal([stored, stored]);
  });

  it('begins with what comes in from elsewhere, and is linked to it', async () => {
    await trace();
    const broker = await startEventbroker({ bus, ...local, metrics, log });
    ends.push(() => broker.close());
    const foreign = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const { id, ...event } = eventOf(cause);
    const body = JSON.stringify({ specversion: '1.0', id, ...event, extensions: undefined });
    const sent = await fetch(broker.url, { method: 'POST', headers: { traceparent: foreign }, body });
    expect(sent.status).to.equal(202);
    const [posted, received] = [await span('POST /'), await span(`receive ${cause}`)];
    expect([posted.traceId, posted.parentSpanId]).to.deep.equal(['a'.repeat(32), 'b'.repeat(16)]);
    expect(received.traceId).to.equal(traceIdOf(event.shkeptncontext));
    expect(received.links).to.deep.equal([{ traceId: posted.traceId, spanId: posted.spanId }]);
  });

  it('goes on over a distributor to a service behind it, and back by the eventbroker', async () => {
    await trace();
    const broker = await startEventbroker({ bus, ...local, metrics, log });
    const service = await serveHttp(
      serviceOf(async () => [{ type: effect, data: null }]),
      { ...local, path: '/', eventbroker: broker.url, metrics, log },
    );
    const distributor = await startDistributor({
      ...{ bus, url: new URL(service.url), topics: [cause], durable: 'to-kit', from: 'all' },
      ...{ concurrency: 1, timeoutMs: 5_000, maxAttempts: 3, metrics, log },
    });
    ends.push(
      () => broker.close(),
      () => service.close(),
      () => distributor.close(),
    );
    const event = eventOf(cause);
    await bus.publish(event);
    // The eventbroker publishes what the service has sent to it: the last of the steps.
    await Promise.all([spans(`publish ${effect}`, 2), span(`to-kit handles ${cause}`)]);
    const steps = [
      ...[`publish ${cause}`, `to-kit handles ${cause}`, 'POST to-kit', 'POST /', `kit-test handles ${cause}`],
      ...[`publish ${effect}`, `receive ${effect}`, `publish ${effect}`],
    ];
    const chain: CollectedSpan[] = [];
    for (const name of steps) {
      const under = chain.at(-1)?.spanId ?? '';
      const found = collector.spans.find((one) => one.name === name && (one.parentSpanId ?? '') === under);
      if (found) chain.push(found);
    }
    expect(chain.map(({ name }) => name)).to.deep.equal(steps);
    expect(new Set(chain.map((one) => one.traceId))).to.deep.equal(new Set([traceIdOf(event.shkeptncontext)]));
  });

  it('is not sent where it is not sampled, by whom it begins with or by the share that is wanted', async () => {
    await trace({ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' });
    await start(async () => [{ type: effect, data: null }]);
    const event = eventOf(cause);
    const wanted = eventOf(cause);
    const traceId = traceIdOf(wanted.shkeptncontext);
    await bus.publish(event);
    await bus.publish({ ...wanted, extensions: { traceparent: `00-${traceId}-${'b'.repeat(16)}-01` } });
    await spans(`publish ${effect}`);
    await tracing.close();
    expect(new Set(collector.spans.map((one) => one.traceId))).to.deep.equal(new Set([traceId]));
    const effects = await seen(2, effect);
    const flags = effects.map(({ extensions }) => extensions?.['traceparent']?.slice(-2)).sort();
    expect(flags).to.deep.equal(['00', '01']);
  });

  it('has what helm is asked for, and why it fails', async () => {
    await trace();
    const helm = new Helm({ program: await locate('helm'), version: 'v3', timeoutSeconds: 10 });
    const files = new Map([
      ['Chart.yaml', 'apiVersion: v2\nname: carts\nversion: 0.1.0\n'],
      ['templates/broken.yaml', '{{ .Values.a.b.c }}'],
    ]);
    const release = { name: 'carts', namespace: 'shop-dev', chart: { name: 'carts', files }, values: {} };
    await start(async (_event, { signal }) => void (await helm.render(release, signal)));
    await bus.publish(eventOf(cause));
    const [template, handled] = [await span('helm template'), await span(`kit-test handles ${cause}`)];
    expect(template.parentSpanId).to.equal(handled.spanId);
    expect(template.status.code).to.equal(ERROR);
    expect(template.status.message).to.match(/nil pointer/);
  });

  it('changes no id of an event', async () => {
    const effectsOf = async (event: KeptnEvent): Promise<(string | undefined)[]> => {
      await bus.publish(event);
      return (await seen(1, effect)).map(({ id }) => id);
    };
    const event = eventOf(cause);
    await trace();
    await start(async () => [{ type: effect, data: null }]);
    const traced = await effectsOf(event);
    await tracing.close();
    for (const end of ends.splice(0)) await end();
    await bus.close();
    await rm(directory, { recursive: true });
    bus = await open();
    await start(async () => [{ type: effect, data: null }]);
    expect(await effectsOf(event)).to.deep.equal(traced);
  });
});
