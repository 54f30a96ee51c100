/** The remediation-service as a process of its own, with the environment of 0.6.2: `npm run remediation-service`. */
import { connectNatsBus } from '../../lib/bus/nats/bus.ts';
import { Configuration } from '../../lib/configuration/client.ts';
import { History } from '../../lib/history/client.ts';
import { placesSchema } from '../../lib/service/places.ts';
import { runWith } from '../../lib/service/run.ts';
import { remediationService } from './handler.ts';
import { remediationSettings } from './settings.ts';

await runWith(
  'remediation-service',
  placesSchema.extend(remediationSettings.shape),
  (given) =>
    remediationService({
      configuration: new Configuration(
        given.CONFIGURATION_SERVICE,
        'remediation-service <remediation-service@keptn.sh>',
      ),
      history: new History(given.MONGODB_DATASTORE),
      unleash: given,
      settings: given,
    }),
  connectNatsBus,
);
