/** How a rollout goes, as the API server tells it: pods ready of wanted, and what keeps the others from it. */
import type { AppsV1Api, CoreV1Api, V1Deployment } from '@kubernetes/client-node';
import type { Caller } from '../../../lib/resources/kubernetes/calls.ts';
import { troubleOf, type Trouble } from '../../../lib/resources/kubernetes/trouble.ts';

export interface Rollout {
  /** Such as `carts: 1 of 2 pods ready`. */
  line: string;
  /** What Kubernetes says is wrong; undefined while nothing is. */
  trouble?: Trouble | undefined;
}

export interface Apis {
  apps: AppsV1Api;
  core: CoreV1Api;
  caller: Caller;
}

/** Of the Deployments that helm made for a release. */
export async function rolloutOf({ apps, core, caller }: Apis, namespace: string, release: string): Promise<Rollout> {
  const { items } = await caller.call('list deployments', (options) =>
    apps.listNamespacedDeployment({ namespace }, options),
  );
  const own = items.filter(({ metadata }) => metadata?.annotations?.['meta.helm.sh/release-name'] === release);
  const unready = own.filter((deployment) => readyOf(deployment) < wantedOf(deployment));
  if (unready.length === 0) return { line: own.map(lineOf).join(', ') };
  const pods = await caller.call('list pods', (options) => core.listNamespacedPod({ namespace }, options));
  const trouble = unready.flatMap((deployment) => troubleOf(deployment, pods.items) ?? [])[0];
  return { line: own.map(lineOf).join(', '), trouble };
}

const wantedOf = ({ spec }: V1Deployment): number => spec?.replicas ?? 1;

/** At least so many of the new version: those of the one before are ready too, until they are gone. */
function readyOf({ metadata, status }: V1Deployment): number {
  if ((status?.observedGeneration ?? 0) < (metadata?.generation ?? 0)) return 0;
  const { replicas = 0, updatedReplicas = 0, readyReplicas = 0 } = status ?? {};
  return Math.max(0, readyReplicas - (replicas - updatedReplicas));
}

function lineOf(deployment: V1Deployment): string {
  return `${deployment.metadata?.name ?? ''}: ${readyOf(deployment)} of ${wantedOf(deployment)} pods ready`;
}
