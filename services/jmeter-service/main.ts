/** The jmeter-service as a process of its own, with the environment of 0.6.2 and more: `npm run jmeter-service`. */
import { connectNatsBus } from '../../lib/bus/nats/bus.ts';
import { Configuration } from '../../lib/configuration/client.ts';
import { History } from '../../lib/history/client.ts';
import { placesSchema } from '../../lib/service/places.ts';
import { runWith } from '../../lib/service/run.ts';
import { jmeterService } from './handler.ts';
import { testSettings } from './settings.ts';

await runWith(
  'jmeter-service',
  placesSchema.and(testSettings),
  (settings, log) => {
    const configuration = new Configuration(settings.CONFIGURATION_SERVICE, 'jmeter-service <jmeter-service@keptn.sh>');
    const history = new History(settings.MONGODB_DATASTORE);
    return jmeterService({ configuration, settings, aborted: history.isAborted, log });
  },
  connectNatsBus,
);
