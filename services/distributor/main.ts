/** The distributor as a process beside a service, with the environment of 0.6.2: `npm run distributor`. */
import { z } from 'zod';
import { observeBus } from '../../lib/bus/bus-metrics.ts';
import { connectNatsBus } from '../../lib/bus/nats/bus.ts';
import { createEventMetrics } from '../../lib/observe/event-metrics.ts';
import { serveHealth } from '../../lib/observe/health.ts';
import { createLog } from '../../lib/observe/log.ts';
import { list, natsServers, port, runProgram } from '../../lib/observe/program.ts';
import { durableOf, urlOf } from './recipient.ts';
import { startDistributor } from './service.ts';

const count = z.coerce.number().int().min(1).max(999);

const settings = z.object({
  PUBSUB_URL: natsServers,
  /** Types of events with commas, wildcards allowed. */
  PUBSUB_TOPIC: z.string().min(1).transform(list),
  /** Host name or address of the service. */
  PUBSUB_RECIPIENT: z.string().min(1),
  PUBSUB_RECIPIENT_PORT: port.default(8080),
  PUBSUB_RECIPIENT_PATH: z.string().default(''),
  /** Name under which NATS remembers how far the service is; follows from receiver and topics when it is not given. */
  KEPTN_DURABLE: z.string().min(1).optional(),
  /** `all`: begin with what is stored already, at the very first start. */
  KEPTN_DELIVER_FROM: z.enum(['all', 'new']).default('new'),
  /** Events in work at once, in all replicas together; those of one keptn context come one after another. */
  KEPTN_CONCURRENCY: count.default(16),
  /** Seconds until a try is given up. */
  KEPTN_TRY_SECONDS: z.coerce.number().min(0.1).max(3600).default(60),
  /** Tries until an event is a dead letter; a receiver that is away does not count. */
  KEPTN_MAX_TRIES: count.default(10),
  KEPTN_LISTEN_HOST: z.string().min(1).default('0.0.0.0'),
  /** Port of /healthz, /readyz and /metrics. */
  KEPTN_HEALTH_PORT: port.default(8082),
});

/** Longer than the server is ever silent to a subscription that is well. */
const QUIET_SECONDS = 30;

const log = createLog('distributor');

await runProgram(log, settings, async (given) => {
  const { PUBSUB_TOPIC: topics, KEPTN_LISTEN_HOST: host } = given;
  const url = urlOf({
    recipient: given.PUBSUB_RECIPIENT,
    port: given.PUBSUB_RECIPIENT_PORT,
    path: given.PUBSUB_RECIPIENT_PATH,
  });
  const bus = await connectNatsBus({ servers: given.PUBSUB_URL, log });
  const metrics = createEventMetrics();
  observeBus(metrics, bus);
  const health = await serveHealth(host, given.KEPTN_HEALTH_PORT, metrics.registry, () => {
    const { connected, subscriptions } = bus.health();
    if (!connected) return ['not connected to NATS'];
    const well = subscriptions.every(({ attached, quietSeconds }) => attached && quietSeconds < QUIET_SECONDS);
    return well && subscriptions.length > 0 ? [] : ['nothing heard from the consumer'];
  });
  const distributor = await startDistributor({
    bus,
    url,
    topics,
    durable: given.KEPTN_DURABLE ?? durableOf(url, topics),
    from: given.KEPTN_DELIVER_FROM,
    concurrency: given.KEPTN_CONCURRENCY,
    timeoutMs: given.KEPTN_TRY_SECONDS * 1000,
    maxAttempts: given.KEPTN_MAX_TRIES,
    metrics,
    log,
  });
  return [distributor, bus, health];
});
