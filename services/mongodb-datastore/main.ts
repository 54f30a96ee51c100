/** The datastore as a process of its own. */
import { z } from 'zod';
import { observeBus } from '../../lib/bus/bus-metrics.ts';
import { connectNatsBus } from '../../lib/bus/nats/bus.ts';
import { serveHealth } from '../../lib/observe/health.ts';
import { createEventMetrics } from '../../lib/observe/event-metrics.ts';
import { createLog } from '../../lib/observe/log.ts';
import type { EventStore } from '../../lib/store/port.ts';
import { natsServers, port, runProgram } from '../../lib/observe/program.ts';
import { startDatastore } from './service.ts';

const limit = z.coerce.number().int().min(1).optional();

const settings = z
  .object({
    /** Where MongoDB is, with user and password where it wants them; the database is `keptn` unless one is named. */
    MONGODB_URI: z
      .string()
      .regex(/^mongodb(\+srv)?:\/\/./, 'must begin with mongodb:// or mongodb+srv://')
      .optional(),
    /** Instead of MongoDB: the file of a SQLite database, which no other process may use. */
    KEPTN_STORE: z.string().min(1).optional(),
    PUBSUB_URL: natsServers,
    PORT: port.default(8080),
    /** Port of /healthz and /metrics. */
    KEPTN_HEALTH_PORT: port.default(8081),
    KEPTN_LISTEN_HOST: z.string().min(1).default('0.0.0.0'),
    /** Events and log entries that are older are deleted; without it none is for its age. */
    KEPTN_RETENTION_DAYS: limit,
    /** The oldest above so many events, and above as many log entries, are deleted. */
    KEPTN_RETENTION_EVENTS: limit.default(1_000_000),
  })
  .refine(
    ({ MONGODB_URI, KEPTN_STORE }) => (MONGODB_URI === undefined) !== (KEPTN_STORE === undefined),
    'set either MONGODB_URI or KEPTN_STORE',
  );

const log = createLog('mongodb-datastore');

await runProgram(log, settings, async (given) => {
  const { PUBSUB_URL: servers, KEPTN_LISTEN_HOST: host } = given;
  const { KEPTN_RETENTION_DAYS: days, KEPTN_RETENTION_EVENTS: maxCount } = given;
  const store = await openStore(given);
  const bus = await connectNatsBus({ servers, log });
  const metrics = createEventMetrics();
  observeBus(metrics, bus);
  const retention = { maxCount, ...(days !== undefined && { maxAgeMs: days * 24 * 3_600_000 }) };
  return [
    await startDatastore({ store, bus, retention, host, port: given.PORT, metrics, log }),
    bus,
    store,
    await serveHealth(host, given.KEPTN_HEALTH_PORT, metrics.registry),
  ];
});

/** Loads the one that is used. */
async function openStore({ MONGODB_URI: uri, KEPTN_STORE: path = '' }: z.output<typeof settings>): Promise<EventStore> {
  if (uri !== undefined) return (await import('../../lib/store/mongodb/store.ts')).createMongoStore(uri);
  return (await import('../../lib/store/sqlite/store.ts')).openSqliteStore({ path });
}
