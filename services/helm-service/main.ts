/** The helm-service as a process of its own: `npm run helm-service`. */
import { connectNatsBus } from '../../lib/bus/nats/bus.ts';
import { Configuration } from '../../lib/configuration/client.ts';
import { History } from '../../lib/history/client.ts';
import { placesSchema } from '../../lib/service/places.ts';
import { runWith } from '../../lib/service/run.ts';
import { helmService } from './handler.ts';
import { clusterDeployer, helmPartsOf, helmSettings } from './settings.ts';

await runWith(
  'helm-service',
  placesSchema.extend(helmSettings.shape),
  (given) =>
    helmService({
      configuration: new Configuration(given.CONFIGURATION_SERVICE, 'helm-service <helm-service@keptn.sh>'),
      history: new History(given.MONGODB_DATASTORE),
      deployer: clusterDeployer(given),
      ...helmPartsOf(given),
    }),
  connectNatsBus,
);
