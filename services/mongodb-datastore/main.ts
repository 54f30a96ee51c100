/** The datastore as a process of its own. */
import { z } from 'zod';
import { connectNatsBus } from '../../lib/bus/nats/bus.ts';
import { messageOf } from '../../lib/errors/classes.ts';
import { problemsOf } from '../../lib/model/names.ts';
import { createEventMetrics } from '../../lib/observe/event-metrics.ts';
import { createLog } from '../../lib/observe/log.ts';
import type { EventStore } from '../../lib/store/port.ts';
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
    /** Where NATS is; several with commas. */
    PUBSUB_URL: z.string().min(1).default('nats://keptn-nats-cluster'),
    PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
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
// An empty variable is none.
const given = Object.entries(process.env).filter(([, value]) => value !== '');
const parsed = settings.safeParse(Object.fromEntries(given));
if (!parsed.success) {
  log.fatal(problemsOf(parsed.error));
  process.exit(2);
}
const { MONGODB_URI: uri, KEPTN_STORE: path = '', PUBSUB_URL: nats, PORT: port, KEPTN_LISTEN_HOST: host } = parsed.data;
const { KEPTN_RETENTION_DAYS: days, KEPTN_RETENTION_EVENTS: maxCount } = parsed.data;

/** Loads the one that is used. */
async function openStore(): Promise<EventStore> {
  if (uri !== undefined) return (await import('../../lib/store/mongodb/store.ts')).createMongoStore(uri);
  return (await import('../../lib/store/sqlite/store.ts')).openSqliteStore({ path });
}

try {
  const store = await openStore();
  const bus = await connectNatsBus({ servers: nats.split(','), log });
  const retention = { maxCount, ...(days !== undefined && { maxAgeMs: days * 24 * 3_600_000 }) };
  const server = await startDatastore({ store, bus, retention, host, port, metrics: createEventMetrics(), log });
  const stop = (): void => {
    void server
      .close()
      .then(() => bus.close())
      .then(() => store.close())
      .then(() => process.exit(0));
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
} catch (error) {
  log.fatal(messageOf(error));
  process.exit(1);
}
