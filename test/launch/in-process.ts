/** Services on a real configuration-service and a real datastore, in this process: for tests that kill nothing. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recorder, until } from '../../lib/bus/contract-parts.ts';
import { createMemoryBus } from '../../lib/bus/memory/bus.ts';
import type { EventBus } from '../../lib/bus/port.ts';
import { Configuration, type Place } from '../../lib/configuration/client.ts';
import type { KeptnEvent } from '../../lib/events/event.ts';
import { History } from '../../lib/history/client.ts';
import { createEventMetrics } from '../../lib/observe/event-metrics.ts';
import { createLog } from '../../lib/observe/log.ts';
import { serve } from '../../lib/service/serve.ts';
import type { Service } from '../../lib/service/service.ts';
import { openSqliteStore } from '../../lib/store/sqlite/store.ts';
import { startDatastore } from '../../services/mongodb-datastore/service.ts';
import { startConfiguration } from './configuration.ts';

const log = createLog('test', 'silent');
const host = '127.0.0.1';

export interface Given {
  configuration: Configuration;
  history: History;
  /** Address of what is behind it. */
  datastore: string;
  /** Gone in the end. */
  directory: string;
}

export interface InProcess extends Given {
  bus: EventBus;
  /** A new project with these stages, and service carts in each; `files` of the service, in every stage. */
  project(shipyard: string, files?: Record<string, string>): Promise<string>;
  write(place: Place, uri: string, content: string): Promise<string>;
  read(place: Place, uri: string, commit?: string): Promise<string | undefined>;
  /** The keptn context. */
  send(type: string, data: object, further?: Partial<KeptnEvent>): Promise<string>;
  /** Of a context, in order; of one type where it is named. */
  events(context: string, type?: string): KeptnEvent[];
  /** The only event, or the nth, of a type in a context, once it is there. */
  event(context: string, type: string, nth?: number): Promise<KeptnEvent>;
  /** What was told in a context, in order. */
  lines(context: string): string[];
  close(): Promise<void>;
}

export async function startInProcess(servicesOf: (given: Given) => readonly Service[]): Promise<InProcess> {
  const directory = await mkdtemp(join(tmpdir(), 'keptn-in-process-'));
  const bus = await createMemoryBus({ directory: join(directory, 'bus'), log, backoff: { firstMs: 10, maxMs: 50 } });
  const configurationService = await startConfiguration();
  const store = await openSqliteStore({ path: join(directory, 'history', 'events.sqlite'), durable: false });
  const parts = { bus, metrics: createEventMetrics(), log };
  const datastore = await startDatastore({ store, retention: { maxCount: 10_000 }, host, port: 0, ...parts });
  const configuration = new Configuration(configurationService.url, 'test <test@keptn.sh>');
  const given = { configuration, history: new History(datastore.url), datastore: datastore.url, directory };
  const served = await Promise.all(servicesOf(given).map((service) => serve(service, { ...parts, bus })));
  const seen = recorder();
  await bus.subscribe({ durable: 'test', filters: ['sh.keptn.>'], from: 'all' }, seen.handle);
  const all = (context: string): KeptnEvent[] =>
    seen.deliveries.map(({ event }) => event).filter((event) => event.shkeptncontext === context);
  const isLog = ({ type }: KeptnEvent): boolean => type === 'sh.keptn.events.log';
  const events = (context: string, type?: string): KeptnEvent[] =>
    all(context).filter((event) => (type === undefined ? !isLog(event) : event.type === type));
  const write = (place: Place, uri: string, content: string): Promise<string> =>
    configuration.write(place, uri, Buffer.from(content));

  return {
    ...given,
    bus,
    write,
    events,
    async project(shipyard, files = {}) {
      const project = `p-${randomUUID().slice(0, 8)}`;
      await configuration.ensureProject(project, undefined);
      await write({ project }, 'shipyard.yaml', shipyard);
      for (const [, stage = ''] of shipyard.matchAll(/name: ([a-z-]+)/g)) {
        await configuration.ensureStage(project, stage);
        await configuration.ensureService(project, stage, 'carts');
        await configuration.writeAll({ project, stage, service: 'carts' }, new Map(Object.entries(files)));
      }
      return project;
    },
    read: async (place, uri, commit) => (await configuration.read(place, uri, commit))?.toString('utf8'),
    async send(type, data, further = {}) {
      const [id, shkeptncontext] = [randomUUID(), randomUUID()];
      const event = { id, type, source: 'test', time: new Date().toISOString(), shkeptncontext, data, ...further };
      await bus.publish(event);
      return event.shkeptncontext;
    },
    async event(context, type, nth = 1) {
      await until(`${type} in ${context}`, () => events(context, type).length >= nth);
      const found = events(context, type)[nth - 1];
      if (!found) throw new Error(`no ${type} in ${context}`);
      return found;
    },
    lines: (context) =>
      all(context)
        .filter(isLog)
        .map(({ data }) => (data as { message: string }).message),
    async close() {
      await Promise.all(served.map((one) => one.close()));
      await datastore.close();
      await configurationService.stop();
      await bus.close();
      await store.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
