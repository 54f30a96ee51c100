/** The wait-service as a process of its own, with the environment of 0.6.2: `npm run wait-service`. */
import { connectNatsBus } from '../../lib/bus/nats/bus.ts';
import { History } from '../../lib/history/client.ts';
import { placesSchema } from '../../lib/service/places.ts';
import { runWith } from '../../lib/service/run.ts';
import { waitService, waitSettings } from './handler.ts';

await runWith(
  'wait-service',
  placesSchema.and(waitSettings),
  ({ WAIT_DURATION: durationMs, MONGODB_DATASTORE }) => {
    const history = new History(MONGODB_DATASTORE);
    return waitService({ durationMs, aborted: history.isAborted });
  },
  connectNatsBus,
);
