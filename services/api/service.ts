/** The api: the one door for command lines, scripts and the Bridge, in one function that any process can start. */
import { randomUUID } from 'node:crypto';
import helmet from 'helmet';
import { z } from 'zod';
import type { EventBus } from '../../lib/bus/port.ts';
import { Configuration } from '../../lib/configuration/client.ts';
import { encodeEvent } from '../../lib/events/codec.ts';
import { eventTypes, type KeptnEvent } from '../../lib/events/event.ts';
import { documentRoutes } from '../../lib/http/document-page.ts';
import { stream } from '../../lib/http/route.ts';
import { createApp, listen, type Certificate, type HttpServer } from '../../lib/http/server.ts';
import type { Logger } from '../../lib/observe/log.ts';
import type { ProcessMetrics } from '../../lib/observe/process-metrics.ts';
import type { ResourceStore } from '../../lib/resources/port.ts';
import { Channels } from './channels.ts';
import { Declarations } from './declare.ts';
import type { Installation } from './expose-bridge.ts';
import { EventStreams } from './event-stream.ts';
import { guard } from './guard.ts';
import { overviewRoutes } from './overview.ts';
import { apiRoutes, forwardedRoutes, type Places } from './routes.ts';
import { Websockets } from './websocket.ts';

export interface ApiSettings {
  bus: EventBus;
  store: ResourceStore;
  /** Where objects are made. */
  namespace: string;
  /** Undefined where there is none, as in standalone. */
  installation?: Installation;
  places: Places;
  /** The API token. */
  token: string;
  host: string;
  /** 0 for any that is free. */
  port: number;
  /** https beside http, on its own port. */
  secure?: { port: number; certificate: Certificate } | undefined;
  metrics: ProcessMetrics;
  log: Logger;
}

export interface Api extends HttpServer {
  /** Of https, where it is served. */
  secureUrl?: string;
}

/** A chart of 8 MiB in base64. */
const BODY_LIMIT = 12 * 1024 * 1024;
const AUTHOR = 'keptn-api <api@keptn.sh>';
const info = { title: 'Keptn', description: 'The api of Keptn 0.6.2, and more.', version: '1', tokenHeader: 'x-token' };

const wire = z.looseObject({ contenttype: z.unknown(), data: z.looseObject({ loglevel: z.unknown() }) });

export async function startApi(settings: ApiSettings): Promise<Api> {
  const { bus, store, namespace, places, token, host, port, secure, metrics, log } = settings;
  const configuration = new Configuration(places.configuration, AUTHOR);
  const declarations = new Declarations({ store, configuration, namespace });
  const channels = new Channels();
  const streams = new EventStreams();
  const websockets = new Websockets({ channels, bus, token, log });
  const described = [
    ...apiRoutes(declarations, places, token, settings.installation),
    ...overviewRoutes(store.objects, namespace),
  ];
  const forwarded = forwardedRoutes(places);
  const routes = [
    stream('get', '/healthz', (_request, response) => void response.json({ status: 'ok' })),
    stream('get', '/readyz', (_request, response) => {
      const reason = bus.ready() ? (store.health().synced ? undefined : 'no view of the objects yet') : 'bus away';
      response.status(reason === undefined ? 200 : 503).json({ status: reason ?? 'ok' });
    }),
    ...described,
    streams.route(),
    ...forwarded.routes,
    ...documentRoutes(described, info),
  ];
  const app = createApp({ name: 'api', metrics, routes, log, bodyLimit: BODY_LIMIT, guards: [helmet(), guard(token)] });
  const plain = await listen(app, host, port);
  const encrypted = secure && (await listen(app, host, secure.port, secure.certificate));
  const listening = encrypted ? [plain, encrypted] : [plain];
  for (const { server } of listening) websockets.serve(server);
  const subscription = await bus.subscribe(
    { durable: `api-${randomUUID()}`, filters: ['sh.keptn.>'], from: 'new', concurrency: 64, lasting: false },
    async ({ event }) => {
      streams.tell(event);
      if (event.type === eventTypes.log) channels.say(event.shkeptncontext, logLine(event));
      return { kind: 'ack' };
    },
  );
  log.info({ url: plain.url, secureUrl: encrypted?.url }, 'api listens');
  return {
    url: plain.url,
    ...(encrypted && { secureUrl: encrypted.url }),
    async close() {
      await subscription.stop();
      websockets.close();
      streams.close();
      await Promise.all(listening.map((one) => one.close()));
      forwarded.close();
      channels.close();
    },
  };
}

/** As 0.6.2 sends it over the websocket: `contentType` with a capital T, and no warnings, which its command line does not know. */
function logLine(event: KeptnEvent): string {
  const { contenttype, data, ...rest } = wire.parse(JSON.parse(encodeEvent(event)));
  const loglevel = data.loglevel === 'WARN' ? 'INFO' : data.loglevel;
  return JSON.stringify({ ...rest, data: { ...data, loglevel }, contentType: contenttype });
}
