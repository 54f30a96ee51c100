/** Where the parts are that services ask: settings in the environment, named as in 0.6.2. */
import { z } from 'zod';

/** 0.6.2 gives the address of the datastore without a scheme. */
const address = z
  .string()
  .transform((text) => (/^https?:\/\//.test(text) ? text : `http://${text}`))
  .pipe(z.url());

export const placesSchema = z.object({
  CONFIGURATION_SERVICE: address.default('http://configuration-service.keptn.svc.cluster.local:8080'),
  MONGODB_DATASTORE: address.default('http://mongodb-datastore.keptn-datastore.svc.cluster.local:8080'),
});
