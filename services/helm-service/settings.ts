/** The settings of helm-service, from the environment, and the deployer that they make. */
import { z } from 'zod';
import { ClusterDeployer } from './deployer/cluster.ts';
import type { Deployer } from './deployer/port.ts';
import type { HelmParts } from './target.ts';

const seconds = z.coerce.number().int().min(1);

export const helmSettings = z.object({
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
export type HelmSettings = z.output<typeof helmSettings>;

/** `kubeconfig`: a file; else as kubectl finds it, or the service account of the pod. */
export function clusterDeployer(given: HelmSettings, kubeconfig?: string): Deployer {
  return new ClusterDeployer({
    kubeconfig,
    program: given.HELM,
    version: given.HELM_VERSION,
    timeoutSeconds: given.KEPTN_ROLLOUT_TIMEOUT,
    patienceSeconds: given.KEPTN_ROLLOUT_PATIENCE,
    mesh: given.KEPTN_MESH === 'auto' ? undefined : given.KEPTN_MESH,
  });
}

export function helmPartsOf(given: HelmSettings): Pick<HelmParts, 'routes' | 'parallel'> {
  return {
    routes: { domain: given.APP_DOMAIN, gateway: given.KEPTN_GATEWAY },
    parallel: given.KEPTN_HELM_PARALLEL,
  };
}
