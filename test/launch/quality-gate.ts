/** The lighthouse-service on a real configuration-service and a real datastore, in this process, and a Prometheus that says what it is told. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recorder, until } from '../../lib/bus/contract-parts.ts';
import { createMemoryBus } from '../../lib/bus/memory/bus.ts';
import { Configuration } from '../../lib/configuration/client.ts';
import { eventTypes, type KeptnEvent } from '../../lib/events/event.ts';
import { createObjectGit } from '../../lib/git/objects/store.ts';
import { History } from '../../lib/history/client.ts';
import { createEventMetrics } from '../../lib/observe/event-metrics.ts';
import { createLog } from '../../lib/observe/log.ts';
import { serve } from '../../lib/service/serve.ts';
import { openSqliteStore } from '../../lib/store/sqlite/store.ts';
import { startConfigurationService } from '../../services/configuration-service/service.ts';
import { createCredentialFiles } from '../../services/configuration-service/upstream/credentials-file.ts';
import { providerInGit } from '../../services/lighthouse-service/configured/git.ts';
import { builtInProviders, lighthouseService } from '../../services/lighthouse-service/handler.ts';
import { startDatastore } from '../../services/mongodb-datastore/service.ts';

const log = createLog('quality-gate', 'silent');
const host = '127.0.0.1';

/** Answers as Prometheus' /api/v1/query; remembers what it was asked. */
export async function fakePrometheus() {
  const asked: URLSearchParams[] = [];
  const answers = new Map<string, { status: number; body: unknown }>();
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', `http://${host}`);
    asked.push(searchParams);
    const answer = answers.get(searchParams.get('query') ?? '');
    if (pathname !== '/api/v1/query') return void response.writeHead(404).end('not here');
    // What it was not told about it never answers.
    if (answer) response.writeHead(answer.status).end(JSON.stringify(answer.body));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://${host}:${(server.address() as AddressInfo).port}`, asked, answers, close };
}

export type QualityGate = Awaited<ReturnType<typeof startQualityGate>>;

export async function startQualityGate() {
  const directory = await mkdtemp(join(tmpdir(), 'keptn-lighthouse-'));
  const bus = await createMemoryBus({ directory: join(directory, 'bus'), log, backoff: { firstMs: 10, maxMs: 50 } });
  const git = await createObjectGit({ directory: join(directory, 'config'), durable: false, log });
  const credentials = await createCredentialFiles(join(directory, 'credentials'));
  const configurationService = await startConfigurationService({ git, host, port: 0, credentials, log });
  const store = await openSqliteStore({ path: join(directory, 'history', 'events.sqlite'), durable: false });
  const parts = { bus, metrics: createEventMetrics(), log };
  const datastore = await startDatastore({ store, retention: { maxCount: 10_000 }, host, port: 0, ...parts });
  const prometheus = await fakePrometheus();
  const configuration = new Configuration(configurationService.url, 'test <test@keptn.sh>');
  const history = new History(datastore.url);
  const service = lighthouseService({
    configuration,
    history,
    providers: builtInProviders(configuration, `${prometheus.url}/`),
    projectProvider: providerInGit(configuration),
  });
  const served = await serve(service, { bus, metrics: createEventMetrics(), log });
  const seen = recorder();
  await bus.subscribe({ durable: 'test', filters: ['sh.keptn.>'], from: 'all' }, seen.handle);
  const events = (context: string, type: string): KeptnEvent[] =>
    seen.deliveries
      .map(({ event }) => event)
      .filter((event) => event.shkeptncontext === context && event.type === type);

  return {
    configuration,
    history,
    service,
    prometheus,
    /** A project with service carts in stage dev, and these files of the service. */
    async project(provider: string | undefined, files: Record<string, string> = {}): Promise<string> {
      const project = `p-${randomUUID()}`;
      await configuration.ensureProject(project, undefined);
      await configuration.ensureStage(project, 'dev');
      await configuration.ensureService(project, 'dev', 'carts');
      if (provider !== undefined) await this.write({ project }, 'lighthouse.yaml', `sli-provider: ${provider}`);
      const place = { project, stage: 'dev', service: 'carts' };
      for (const [uri, content] of Object.entries(files)) await this.write(place, uri, content);
      return project;
    },
    write: (place: { project: string; stage?: string; service?: string }, uri: string, content: string) =>
      configuration.write(place, uri, Buffer.from(content)),
    async send(type: string, data: object, further: Partial<KeptnEvent> = {}): Promise<string> {
      const [id, shkeptncontext] = [randomUUID(), randomUUID()];
      const event = { id, type, source: 'test', time: new Date().toISOString(), shkeptncontext, data, ...further };
      await bus.publish(event);
      return event.shkeptncontext;
    },
    events,
    /** The data of the only event, or the nth, of a type in a context, once it is there. */
    async data(context: string, type: string = eventTypes.evaluationDone, nth = 1): Promise<unknown> {
      await until(`${type} in ${context}`, () => events(context, type).length >= nth);
      return events(context, type)[nth - 1]?.data;
    },
    async close(): Promise<void> {
      await served.close();
      await datastore.close();
      await configurationService.close();
      await bus.close();
      await store.close();
      await git.close();
      await prometheus.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
