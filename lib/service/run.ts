/**
 * The whole process of a service: settings from the environment, health and metrics, a graceful stop. With PUBSUB_URL it
 * takes events from NATS itself; without, it stands behind a distributor and sends to the eventbroker, as in 0.6.2.
 */
import { join } from 'node:path';
import { z } from 'zod';
import type { EventBus } from '../bus/port.ts';
import { messageOf } from '../errors/classes.ts';
import { problemsOf } from '../model/names.ts';
import { createEventMetrics } from '../observe/event-metrics.ts';
import { serveHealth } from '../observe/health.ts';
import { createLog, type Logger } from '../observe/log.ts';
import { serve, type Served } from './serve.ts';
import { serveHttp } from './serve-http.ts';
import type { Service } from './service.ts';

const port = z.coerce.number().int().min(0).max(65_535);

const settingsSchema = z.object({
  /** Where NATS is; several with commas. */
  PUBSUB_URL: z.string().min(1).optional(),
  RCV_PORT: port.default(8080),
  RCV_PATH: z.string().startsWith('/').default('/'),
  EVENTBROKER: z.url().default('http://event-broker.keptn.svc.cluster.local/keptn'),
  KEPTN_LISTEN_HOST: z.string().min(1).default('0.0.0.0'),
  /** Port of /healthz, /readyz and /metrics. */
  KEPTN_HEALTH_PORT: port.default(8081),
  /** Folder where it remembers which events it has handled. */
  KEPTN_STATE_DIR: z.string().min(1).optional(),
});
type Settings = z.output<typeof settingsSchema>;

/** Makes the bus: only a main names an adapter. */
export type Connect = (settings: { servers: string[]; log: Logger }) => Promise<EventBus>;

/** Resolves when the service works; it ends with SIGTERM or SIGINT, with code 2 for a wrong setting. */
export async function run(service: Service, connect: Connect): Promise<void> {
  const log = createLog(service.name);
  const parsed = settingsSchema.safeParse(process.env);
  if (!parsed.success) {
    log.fatal(problemsOf(parsed.error));
    process.exit(2);
  }
  const settings = parsed.data;
  const metrics = createEventMetrics();
  try {
    const bus = await busOf(settings, connect, log);
    const health = await serveHealth(settings.KEPTN_LISTEN_HOST, settings.KEPTN_HEALTH_PORT, metrics.registry, () =>
      bus === undefined || bus.ready() ? [] : ['not connected to NATS'],
    );
    const served = await start(service, settings, bus, { metrics, log });
    const stop = (): void => {
      void served
        .close()
        .then(() => bus?.close())
        .then(() => health.close())
        .then(() => process.exit(0));
    };
    process.once('SIGTERM', stop).once('SIGINT', stop);
  } catch (error) {
    log.fatal(messageOf(error));
    process.exit(1);
  }
}

function busOf({ PUBSUB_URL: urls }: Settings, connect: Connect, log: Logger): Promise<EventBus> | undefined {
  return urls === undefined ? undefined : connect({ servers: urls.split(','), log });
}

function start(
  service: Service,
  settings: Settings,
  bus: EventBus | undefined,
  parts: { metrics: ReturnType<typeof createEventMetrics>; log: Logger },
): Promise<Served> {
  const folder = settings.KEPTN_STATE_DIR;
  const stateFile = folder === undefined ? undefined : join(folder, `${service.name}.handled`);
  if (bus) return serve(service, { bus, stateFile, ...parts });
  const { KEPTN_LISTEN_HOST: host, RCV_PORT, RCV_PATH: path, EVENTBROKER: eventbroker } = settings;
  return serveHttp(service, { host, port: RCV_PORT, path, eventbroker, stateFile, ...parts });
}
