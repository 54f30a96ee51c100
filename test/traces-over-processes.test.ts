/** One event through processes of ours, as a collector of OpenTelemetry sees it; and what a process loads that sends none. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { rm } from 'node:fs/promises';
import { expect } from 'chai';
import { until } from '../lib/bus/contract-parts.ts';
import { traceIdOf } from '../lib/observe/trace.ts';
import { freePort } from '../tools/real-parts/free-port.ts';
import { temporaryFolder } from '../tools/real-parts/temporary.ts';
import { nodeProcess, type NodeProcess } from './launch/node-process.ts';
import { startNats, type Nats } from './launch/nats.ts';
import { startCollector, type Collector, type CollectedSpan } from './launch/otlp.ts';

/** Tells each module of OpenTelemetry that is loaded, but of its small interface, which prom-client brings along. */
const telling = `import { registerHooks } from 'node:module';
registerHooks({ load(url, context, next) {
  if (/@opentelemetry\\/(?!api\\/)/.test(url)) process.stderr.write('loaded ' + url + '\\n');
  return next(url, context);
} });`;
const hooks = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(telling)}` };

describe('traces over processes', () => {
  let nats: Nats;
  let folder: string;
  let collector: Collector;
  const running: NodeProcess[] = [];

  beforeEach(async () => {
    [nats, folder, collector] = await Promise.all([startNats(), temporaryFolder('traces'), startCollector()]);
  });
  afterEach(async () => {
    for (const one of running.splice(0)) await one.end('SIGKILL');
    await Promise.all([nats.stop(), collector.close(), rm(folder, { recursive: true, force: true })]);
  });

  async function start(script: string, port: string, env: Record<string, string>): Promise<NodeProcess> {
    const common = { PUBSUB_URL: nats.url, KEPTN_LISTEN_HOST: '127.0.0.1', LOG_LEVEL: 'debug' };
    const started = await nodeProcess(script, { env: { ...common, ...env }, port, ready: '/readyz' });
    running.push(started);
    await started.start();
    return started;
  }

  it('shows an event from the eventbroker over NATS to a service, the configuration-service and the datastore', async () => {
    const { env } = collector;
    const at = await freePort();
    const [configuration, datastore, eventbroker] = await Promise.all([
      start('configuration-service', 'PORT', { ...env, KEPTN_DATA_DIR: join(folder, 'git') }),
      start('mongodb-datastore', 'PORT', { ...env, KEPTN_STORE: join(folder, 'events.sqlite') }),
      // With the default pause of seconds: the last spans are sent when it ends.
      start('eventbroker', 'KEPTN_HEALTH_PORT', {
        ...{ ...env, OTEL_BSP_SCHEDULE_DELAY: '', OTEL_SERVICE_NAME: 'our-broker' },
        RCV_PORT: String(at),
      }),
    ]);
    const shipyard = await start('shipyard-service', 'KEPTN_HEALTH_PORT', {
      ...{ ...env, CONFIGURATION_SERVICE: configuration.url, MONGODB_DATASTORE: datastore.url },
      ...hooks,
    });
    const shkeptncontext = randomUUID();
    const type = 'sh.keptn.internal.event.project.create';
    const stages = 'stages:\n  - name: dev\n    deployment_strategy: direct\n';
    const data = { project: 'traced', shipyard: Buffer.from(stages).toString('base64') };
    const body = JSON.stringify({ specversion: '0.2', type, source: 'test', id: randomUUID(), shkeptncontext, data });
    expect((await fetch(`http://127.0.0.1:${at}`, { method: 'POST', body })).status).to.equal(202);

    const { spans } = collector;
    const named = (name: string): CollectedSpan[] => spans.filter((span) => span.name === name);
    await until('the end', () => named('mongodb-datastore handles sh.keptn.events.done').length > 0);
    await eventbroker.end('SIGTERM');
    await until('what the eventbroker has sent', () => named(`receive ${type}`).length > 0);

    expect(new Set(spans.map(({ traceId }) => traceId))).to.deep.equal(new Set([traceIdOf(shkeptncontext)]));
    const parentOf = ({ parentSpanId }: CollectedSpan) => spans.find(({ spanId }) => spanId === parentSpanId);
    const above = (span: CollectedSpan | undefined): string[] =>
      span ? [`${String(span.service)}: ${span.name}`, ...above(parentOf(span))] : [];
    const publish = [`our-broker: publish ${type}`, `our-broker: receive ${type}`];
    const handled = [`shipyard-service: shipyard-service handles ${type}`, ...publish];
    const commit = named('POST /v1/project/{projectName}/stage')[0];
    expect(above(commit)).to.deep.equal([
      'configuration-service: POST /v1/project/{projectName}/stage',
      'shipyard-service: POST configuration-service',
      ...handled,
    ]);
    expect(above(named(`mongodb-datastore handles ${type}`)[0])).to.deep.equal([
      `mongodb-datastore: mongodb-datastore handles ${type}`,
      ...publish,
    ]);
    expect(above(named('mongodb-datastore handles sh.keptn.events.done')[0])).to.deep.equal([
      'mongodb-datastore: mongodb-datastore handles sh.keptn.events.done',
      'shipyard-service: publish sh.keptn.events.done',
      ...handled,
    ]);

    // A line of the log names its span.
    const lines = shipyard.output().split('\n');
    const line = lines.find((one) => one.includes('Stage dev created')) ?? '{}';
    const [span] = named(`shipyard-service handles ${type}`);
    expect(JSON.parse(line)).to.include({
      keptnContext: shkeptncontext,
      trace_id: traceIdOf(shkeptncontext),
      span_id: span?.spanId,
    });
    expect(lines.filter((one) => one.startsWith('loaded '))).to.not.be.empty;
  });

  it('loads nothing of OpenTelemetry where none of its variables says where to', async () => {
    const silent = { OTEL_SERVICE_NAME: 'anything', OTEL_TRACES_SAMPLER: 'always_on' };
    const started = await start('shipyard-service', 'KEPTN_HEALTH_PORT', { ...hooks, ...silent });
    expect(started.output()).to.not.include('loaded ');
  });

  it('works while the collector is away, tells it, and ends in time', async () => {
    const away = {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}`,
      ...{ OTEL_EXPORTER_OTLP_TIMEOUT: '500', OTEL_BSP_SCHEDULE_DELAY: '20' },
    };
    const wrong = { OTEL_TRACES_SAMPLER: 'sometimes', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' };
    const at = await freePort();
    const eventbroker = await start('eventbroker', 'KEPTN_HEALTH_PORT', { ...away, ...wrong, RCV_PORT: String(at) });
    const body = JSON.stringify({ specversion: '0.2', type: 'sh.keptn.event.x', source: 'test', data: {} });
    expect((await fetch(`http://127.0.0.1:${at}`, { method: 'POST', body })).status).to.equal(202);
    await until('that it is told', () => /OpenTelemetry: .*ECONNREFUSED/.test(eventbroker.output()));
    const began = Date.now();
    await eventbroker.end('SIGTERM');
    expect(Date.now() - began).to.be.lessThan(8_000);
    const output = eventbroker.output();
    for (const name of Object.keys(wrong)) expect(output).to.include(`OpenTelemetry: ${name}: `);
  });
});
