/** The gatekeeper-service as a process of its own: `npm run gatekeeper-service`. */
import { connectNatsBus } from '../../lib/bus/nats/bus.ts';
import { Configuration } from '../../lib/configuration/client.ts';
import { History } from '../../lib/history/client.ts';
import { placesSchema } from '../../lib/service/places.ts';
import { runWith } from '../../lib/service/run.ts';
import { gatekeeperService } from './handler.ts';

await runWith(
  'gatekeeper-service',
  placesSchema,
  ({ CONFIGURATION_SERVICE, MONGODB_DATASTORE }) =>
    gatekeeperService({
      configuration: new Configuration(CONFIGURATION_SERVICE, 'gatekeeper-service <gatekeeper-service@keptn.sh>'),
      history: new History(MONGODB_DATASTORE),
    }),
  connectNatsBus,
);
