/** The remediation-service as a process of its own, with the environment of 0.6.2: `npm run remediation-service`. */
import { connectNatsBus } from '../../lib/bus/nats/bus.ts';
import { Configuration } from '../../lib/configuration/client.ts';
import { placesSchema } from '../../lib/service/places.ts';
import { runWith } from '../../lib/service/run.ts';
import { remediationService } from './handler.ts';
import { unleashSettings } from './unleash.ts';

await runWith(
  'remediation-service',
  placesSchema.extend(unleashSettings.shape),
  (given) =>
    remediationService({
      configuration: new Configuration(
        given.CONFIGURATION_SERVICE,
        'remediation-service <remediation-service@keptn.sh>',
      ),
      unleash: given,
    }),
  connectNatsBus,
);
