/** The helm-service as a process of its own: `npm run helm-service`. */
import { z } from 'zod';
import { connectNatsBus } from '../../lib/bus/nats/bus.ts';
import { Configuration } from '../../lib/configuration/client.ts';
import { History } from '../../lib/history/client.ts';
import { loadKubeConfig } from '../../lib/resources/kubernetes/store.ts';
import { placesSchema } from '../../lib/service/places.ts';
import { runWith } from '../../lib/service/run.ts';
import { ClusterDeployer } from './deployer/cluster.ts';
import { helmService } from './handler.ts';

const seconds = z.coerce.number().int().min(1);

const settings = placesSchema.extend({
  /** The helm program. */
  HELM: z.string().min(1).default('helm'),
  /** v2: helm 2.12 with the Tiller that TILLER_NAMESPACE names. */
  HELM_VERSION: z.enum(['v2', 'v3']).default('v3'),
  /** Seconds for a rollout. */
  KEPTN_ROLLOUT_TIMEOUT: seconds.default(600),
  /** Seconds that a pod may be in trouble before the rollout is given up. */
  KEPTN_ROLLOUT_PATIENCE: seconds.default(60),
  KEPTN_MESH: z.enum(['auto', 'istio', 'gateway-api', 'none']).default('auto'),
  /** `namespace/name` of the Gateway for HTTPRoutes. */
  KEPTN_GATEWAY: z
    .string()
    .regex(/^[^/]+\/[^/]+$/, 'must be namespace/name')
    .default('istio-system/public-gateway'),
  /** What public hosts end in: key app_domain of the ConfigMap keptn-domain. */
  APP_DOMAIN: z.string().default(''),
  /** Changes at work at once. */
  KEPTN_HELM_PARALLEL: z.coerce.number().int().min(1).max(64).default(8),
});

await runWith(
  'helm-service',
  settings,
  (given) =>
    helmService({
      configuration: new Configuration(given.CONFIGURATION_SERVICE, 'helm-service <helm-service@keptn.sh>'),
      history: new History(given.MONGODB_DATASTORE),
      deployer: new ClusterDeployer({
        config: loadKubeConfig(),
        program: given.HELM,
        version: given.HELM_VERSION,
        timeoutSeconds: given.KEPTN_ROLLOUT_TIMEOUT,
        patienceSeconds: given.KEPTN_ROLLOUT_PATIENCE,
        mesh: given.KEPTN_MESH === 'auto' ? undefined : given.KEPTN_MESH,
      }),
      routes: { domain: given.APP_DOMAIN, gateway: given.KEPTN_GATEWAY },
      parallel: given.KEPTN_HELM_PARALLEL,
    }),
  connectNatsBus,
);
