/** The eventbroker as a process of its own, with the environment of 0.6.2: `npm run eventbroker`. */
import { z } from 'zod';
import { filterPattern } from '../../lib/bus/filter.ts';
import { connectNatsBus } from '../../lib/bus/nats/bus.ts';
import { messageOf } from '../../lib/errors/classes.ts';
import { problemsOf } from '../../lib/model/names.ts';
import { createEventMetrics } from '../../lib/observe/event-metrics.ts';
import { serveHealth } from '../../lib/observe/health.ts';
import { createLog } from '../../lib/observe/log.ts';
import { noMappings, readMappings } from './mapping.ts';
import { startEventbroker } from './service.ts';

const list = (text: string): string[] => text.split(',').map((one) => one.trim());
const port = z.coerce.number().int().min(0).max(65_535);

const settings = z.object({
  /** Where NATS is; several with commas. */
  PUBSUB_URL: z.string().min(1).default('nats://keptn-nats-cluster'),
  RCV_PORT: port.default(8080),
  KEPTN_LISTEN_HOST: z.string().min(1).default('0.0.0.0'),
  /** Port of /healthz, /readyz and /metrics. */
  KEPTN_HEALTH_PORT: port.default(8081),
  /** Types of events that are taken, wildcards allowed. */
  KEPTN_EVENT_TYPES: z
    .string()
    .default('sh.keptn.>')
    .transform(list)
    .pipe(z.array(z.string().startsWith('sh.keptn.').regex(filterPattern, 'must be a type below sh.keptn.'))),
  /** YAML file: what becomes of bodies that are no Keptn events. */
  KEPTN_EVENT_MAPPINGS: z.string().min(1).optional(),
});

const log = createLog('eventbroker');
const parsed = settings.safeParse(process.env);
if (!parsed.success) {
  log.fatal(problemsOf(parsed.error));
  process.exit(2);
}
const { data } = parsed;

try {
  const mappings = data.KEPTN_EVENT_MAPPINGS === undefined ? noMappings : await readMappings(data.KEPTN_EVENT_MAPPINGS);
  const bus = await connectNatsBus({ servers: list(data.PUBSUB_URL), log });
  const metrics = createEventMetrics();
  const health = await serveHealth(data.KEPTN_LISTEN_HOST, data.KEPTN_HEALTH_PORT, metrics.registry, () =>
    bus.ready() ? [] : ['not connected to NATS'],
  );
  const place = { host: data.KEPTN_LISTEN_HOST, port: data.RCV_PORT };
  const server = await startEventbroker({ bus, ...place, types: data.KEPTN_EVENT_TYPES, mappings, metrics, log });
  const stop = (): void => {
    void server
      .close()
      .then(() => bus.close())
      .then(() => health.close())
      .then(() => process.exit(0));
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
} catch (error) {
  log.fatal(messageOf(error));
  process.exit(1);
}
