/** The services beside the operator in the standalone process, each on a port of its own. */
import type { EventBus } from '../lib/bus/port.ts';
import type { GitStore } from '../lib/git/port.ts';
import { messageOf, Terminal } from '../lib/errors/classes.ts';
import type { Certificate, HttpServer } from '../lib/http/server.ts';
import type { Logger } from '../lib/observe/log.ts';
import type { EventMetrics } from '../lib/observe/event-metrics.ts';
import { serveHealth } from '../lib/observe/health.ts';
import type { ResourceStore } from '../lib/resources/port.ts';
import type { EventStore } from '../lib/store/port.ts';
import { startApi, type Api } from '../services/api/service.ts';
import { newTicket, startBridge } from '../services/bridge/service.ts';
import { startConfigurationService } from '../services/configuration-service/service.ts';
import type { Credentials } from '../services/configuration-service/upstream/credentials.ts';
import { durableOf } from '../services/distributor/recipient.ts';
import { startDistributor } from '../services/distributor/service.ts';
import { startEventbroker } from '../services/eventbroker/service.ts';
import { startDatastore } from '../services/mongodb-datastore/service.ts';

/** Events that go to a service of the user's own. */
export interface Route {
  topic: string;
  url: URL;
}

export interface ServicesSettings {
  bus: EventBus;
  git: GitStore;
  store: EventStore;
  credentials: Credentials;
  token: string;
  /** Of the api's https. */
  certificate: Certificate;
  allowInsecure: boolean;
  /** Where the api makes objects. */
  namespace: string;
  host: string;
  /** Of the configuration-service; behind it eventbroker, datastore, api, the api's https, the Bridge, and metrics. 0: any that are free. */
  port: number;
  deliver: readonly Route[];
  metrics: EventMetrics;
  log: Logger;
}

export interface Services {
  metrics: string;
  configuration: string;
  eventbroker: string;
  datastore: string;
  /** Starts the one that needs to know the objects. */
  startApi(resources: ResourceStore): Promise<Api>;
  /** The page for people; gives a link that logs in whoever opens it. */
  startBridge(api: Api): Promise<string>;
  close(): Promise<void>;
}

/** Of Keptn, as 0.6.2's Bridge shows it. */
const VERSION = '0.6.2';
const retention = { maxCount: 1_000_000 };
const delivery = { concurrency: 16, timeoutMs: 60_000, maxAttempts: 10, from: 'new' } as const;

export async function startServices(settings: ServicesSettings): Promise<Services> {
  const { bus, git, store, credentials, token, allowInsecure, host, metrics, log } = settings;
  const port = (nth: number): number => (settings.port === 0 ? 0 : settings.port + nth);
  const configuration = await listening(port(0), (at) =>
    startConfigurationService({ git, host, port: at, token, credentials, allowInsecure, metrics, log }),
  );
  const eventbroker = await listening(port(1), (at) => startEventbroker({ bus, host, port: at, metrics, log }));
  const datastore = await listening(port(2), (at) =>
    startDatastore({ store, bus, retention, host, port: at, metrics, log }),
  );
  const distributors = await Promise.all(
    settings.deliver.map(({ topic, url }) =>
      startDistributor({ bus, url, topics: [topic], durable: durableOf(url, [topic]), ...delivery, metrics, log }),
    ),
  );
  const health = await listening(port(6), (at) => serveHealth(host, at, metrics.registry));
  const places = { configuration: configuration.url, eventbroker: eventbroker.url, datastore: datastore.url };
  let api: Api | undefined;
  let bridge: HttpServer | undefined;
  return {
    async startApi(resources) {
      const secure = { port: port(4), certificate: settings.certificate };
      api = await listening(port(3), (at) =>
        startApi({
          ...{ bus, store: resources, namespace: settings.namespace, places, token },
          ...{ host, port: at, secure, metrics, log },
        }),
      );
      return api;
    },
    async startBridge({ url }) {
      const ticket = newTicket();
      const access = { token, tokenLogin: true, ticket };
      bridge = await listening(port(5), (at) =>
        startBridge({ api: url, access, version: VERSION, host, port: at, metrics, log }),
      );
      // Behind the #: what a browser sends nowhere.
      return `${bridge.url}/#ticket=${ticket}`;
    },
    configuration: configuration.url,
    eventbroker: eventbroker.url,
    datastore: datastore.url,
    metrics: health.url,
    // Who brings events first, who keeps them last.
    async close() {
      await bridge?.close();
      await api?.close();
      await eventbroker.close();
      await Promise.all(distributors.map((one) => one.close()));
      await datastore.close();
      await configuration.close();
      await health.close();
    },
  };
}

async function listening<T extends HttpServer>(port: number, start: (port: number) => Promise<T>): Promise<T> {
  try {
    return await start(port);
  } catch (error) {
    throw new Terminal('InvalidField', `--port: cannot listen on ${port} (${messageOf(error)}); choose another`);
  }
}
