/** The datastore on an EventStore and an EventBus: what 0.6.2's services call, in one function that any process can start. */
import type { EventBus } from '../../lib/bus/port.ts';
import { messageOf } from '../../lib/errors/classes.ts';
import { documentRoutes } from '../../lib/http/document-page.ts';
import { stream } from '../../lib/http/route.ts';
import { createApp, listen, type HttpServer } from '../../lib/http/server.ts';
import type { EventMetrics } from '../../lib/observe/event-metrics.ts';
import type { Logger } from '../../lib/observe/log.ts';
import { measured } from '../../lib/service/measured.ts';
import type { EventStore, Retention } from '../../lib/store/port.ts';
import { MAX_EVENT_BYTES } from '../../lib/events/size.ts';
import { Arrivals } from './arrivals.ts';
import { recorder } from './handler.ts';
import { retain } from './retention.ts';
import { datastoreRoutes } from './routes.ts';

/**
 * Deliveries in work at once: they are written together, so that a disk that is slow to sync is asked less often. Each may
 * have a megabyte, and all wait in memory while the store is away.
 */
const IN_FLIGHT = 64;

const info = {
  title: 'Keptn mongodb-datastore',
  description: 'Events and logs, found again. The contract of Keptn 0.6.2, and more.',
  version: '1',
};

export interface DatastoreSettings {
  store: EventStore;
  bus: EventBus;
  retention: Retention;
  host: string;
  /** 0 for any that is free. */
  port: number;
  metrics: EventMetrics;
  log: Logger;
}

/** Closes neither the store nor the bus, which belong to the caller. */
export async function startDatastore({
  store,
  bus,
  retention,
  host,
  port,
  metrics,
  log,
}: DatastoreSettings): Promise<HttpServer> {
  const stop = new AbortController();
  const records = { store, arrivals: new Arrivals() };
  const contract = datastoreRoutes(records);
  const routes = [
    stream('get', '/healthz', (_request, response) => void response.json({ status: 'ok' })),
    stream('get', '/readyz', async (_request, response) => {
      const reason = stop.signal.aborted ? 'closing' : await reasonAgainst(store);
      // Without the bus what is stored can be read all the same.
      const rest = bus.ready() ? {} : { bus: 'away' };
      response.status(reason === undefined ? 200 : 503).json({ status: reason ?? 'ok', ...rest });
    }),
    ...contract,
    ...documentRoutes(contract, info),
  ];
  const server = await listen(
    createApp({ name: 'mongodb-datastore', metrics, routes, log, bodyLimit: MAX_EVENT_BYTES }),
    host,
    port,
  );
  const options = {
    durable: 'mongodb-datastore',
    filters: ['sh.keptn.>'],
    from: 'all',
    concurrency: IN_FLIGHT,
  } as const;
  const subscription = await bus.subscribe(
    options,
    measured(options.durable, metrics, recorder(records, log, stop.signal)),
  );
  const retaining = retain(store, retention, log, stop.signal);
  log.info({ url: server.url }, 'mongodb-datastore listens');
  return {
    url: server.url,
    close: async () => {
      stop.abort();
      await Promise.all([server.close(), subscription.stop(), retaining]);
    },
  };
}

async function reasonAgainst(store: EventStore): Promise<string | undefined> {
  return store.check().then(() => undefined, messageOf);
}
