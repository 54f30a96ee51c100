/** The eventbroker as a process of its own, with the environment of 0.6.2: `npm run eventbroker`. */
import { z } from 'zod';
import { filterPattern } from '../../lib/bus/filter.ts';
import { observeBus } from '../../lib/bus/bus-metrics.ts';
import { connectNatsBus } from '../../lib/bus/nats/bus.ts';
import { createEventMetrics } from '../../lib/observe/event-metrics.ts';
import { serveHealth } from '../../lib/observe/health.ts';
import { createLog } from '../../lib/observe/log.ts';
import { list, natsServers, port, runProgram } from '../../lib/observe/program.ts';
import { noMappings, readMappings } from './mapping.ts';
import { startEventbroker } from './service.ts';

const settings = z.object({
  PUBSUB_URL: natsServers,
  /** Servers of NATS that have each event; what the streams have already without. */
  KEPTN_STREAM_REPLICAS: z.coerce.number().int().min(1).max(5).optional(),
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

await runProgram(log, settings, async (given) => {
  const { PUBSUB_URL: servers, KEPTN_LISTEN_HOST: host, KEPTN_EVENT_TYPES: types } = given;
  const mappings = given.KEPTN_EVENT_MAPPINGS ? await readMappings(given.KEPTN_EVENT_MAPPINGS) : noMappings;
  const bus = await connectNatsBus({ servers, replicas: given.KEPTN_STREAM_REPLICAS, log });
  const metrics = createEventMetrics();
  observeBus(metrics, bus);
  const health = await serveHealth(host, given.KEPTN_HEALTH_PORT, metrics.registry, () =>
    bus.ready() ? [] : ['not connected to NATS'],
  );
  return [await startEventbroker({ bus, host, port: given.RCV_PORT, types, mappings, metrics, log }), bus, health];
});
