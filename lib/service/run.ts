/**
 * The whole process of a service: settings from the environment, health and metrics, a graceful stop. With PUBSUB_URL it
 * takes events from NATS itself; without, it stands behind a distributor and sends to the eventbroker, as in 0.6.2.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { observeBus } from '../bus/bus-metrics.ts';
import type { EventBus } from '../bus/port.ts';
import { createEventMetrics, type EventMetrics } from '../observe/event-metrics.ts';
import { serveHealth } from '../observe/health.ts';
import { createLog, type Logger } from '../observe/log.ts';
import { list, port, runProgram, type Closable } from '../observe/program.ts';
import { serve } from './serve.ts';
import { serveHttp } from './serve-http.ts';
import type { Service } from './service.ts';

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
  await runWith(service.name, z.object({}), () => service, connect);
}

/** A service that has settings of its own, from the environment as well. */
export async function runWith<T>(
  name: string,
  own: z.ZodType<T>,
  create: (settings: T, log: Logger) => Service | Promise<Service>,
  connect: Connect,
): Promise<void> {
  const log = createLog(name);
  await runProgram(log, settingsSchema.and(own), async (settings) => {
    const service = await create(settings, log);
    const parts = { metrics: createEventMetrics(), log };
    const bus = settings.PUBSUB_URL && (await connect({ servers: list(settings.PUBSUB_URL), log }));
    if (bus) observeBus(parts.metrics, bus);
    const health = await serveHealth(
      settings.KEPTN_LISTEN_HOST,
      settings.KEPTN_HEALTH_PORT,
      parts.metrics.registry,
      () => (!bus || bus.ready() ? [] : ['not connected to NATS']),
    );
    return [await start(service, settings, bus || undefined, parts), ...(bus ? [bus] : []), health];
  });
}

function start(
  service: Service,
  settings: Settings,
  bus: EventBus | undefined,
  parts: { metrics: EventMetrics; log: Logger },
): Promise<Closable> {
  const folder = settings.KEPTN_STATE_DIR;
  const stateFile = folder === undefined ? undefined : join(folder, `${service.name}.handled`);
  if (bus) return serve(service, { bus, stateFile, ...parts });
  const { KEPTN_LISTEN_HOST: host, RCV_PORT, RCV_PATH: path, EVENTBROKER: eventbroker } = settings;
  return serveHttp(service, { host, port: RCV_PORT, path, eventbroker, stateFile, ...parts });
}
