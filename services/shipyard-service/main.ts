/** The shipyard-service as a process of its own: `npm run shipyard-service`. */
import { connectNatsBus } from '../../lib/bus/nats/bus.ts';
import { Configuration } from '../../lib/configuration/client.ts';
import { placesSchema } from '../../lib/service/places.ts';
import { runWith } from '../../lib/service/run.ts';
import { shipyardService } from './handler.ts';

await runWith(
  'shipyard-service',
  placesSchema,
  ({ CONFIGURATION_SERVICE: url }) =>
    shipyardService(new Configuration(url, 'shipyard-service <shipyard-service@keptn.sh>')),
  connectNatsBus,
);
