/** How rollouts go, as the API server tells it: pods ready of wanted, and what keeps the others from it. */
import type { AppsV1Api, CoreV1Api, V1Deployment, V1Pod } from '@kubernetes/client-node';
import type { ReleaseName } from '../../../lib/helm/program.ts';
import type { Caller } from '../../../lib/resources/kubernetes/calls.ts';
import { troubleOf, type Trouble } from '../../../lib/resources/kubernetes/trouble.ts';
import { Shared } from './shared.ts';

interface Rollout {
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

/** Half of the time between two looks: what a rollout sees first is no older than its beginning. */
const RECENT_MS = 500;

/** Of the Deployments that helm made for a release. A namespace is listed for all who roll out into it. */
export class Rollouts {
  readonly #deployments: Shared<readonly V1Deployment[]>;
  readonly #pods: Shared<readonly V1Pod[]>;

  constructor({ apps, core, caller }: Apis) {
    this.#deployments = new Shared(RECENT_MS, async (namespace) => {
      const list = await caller.call('list deployments', (options) =>
        apps.listNamespacedDeployment({ namespace }, options),
      );
      return list.items;
    });
    this.#pods = new Shared(RECENT_MS, async (namespace) => {
      const list = await caller.call('list pods', (options) => core.listNamespacedPod({ namespace }, options));
      return list.items;
    });
  }

  /** While helm waits. */
  async underWay({ namespace, name }: ReleaseName): Promise<Rollout> {
    const own = ownOf(await this.#deployments.recent(namespace), name);
    const unready = own.filter((deployment) => readyOf(deployment) < wantedOf(deployment));
    const pods = unready.length === 0 ? [] : await this.#pods.recent(namespace);
    return { line: lineOf(own), trouble: unready.flatMap((deployment) => troubleOf(deployment, pods) ?? [])[0] };
  }

  /** The line of what helm has found ready just now. */
  async done({ namespace, name }: ReleaseName): Promise<string> {
    return lineOf(ownOf(await this.#deployments.fresh(namespace), name));
  }
}

function ownOf(deployments: readonly V1Deployment[], release: string): V1Deployment[] {
  return deployments.filter(({ metadata }) => metadata?.annotations?.['meta.helm.sh/release-name'] === release);
}

const wantedOf = ({ spec }: V1Deployment): number => spec?.replicas ?? 1;

/** At least so many of the new version: those of the one before are ready too, until they are gone. */
function readyOf({ metadata, status }: V1Deployment): number {
  if ((status?.observedGeneration ?? 0) < (metadata?.generation ?? 0)) return 0;
  const { replicas = 0, updatedReplicas = 0, readyReplicas = 0 } = status ?? {};
  return Math.max(0, readyReplicas - (replicas - updatedReplicas));
}

function lineOf(deployments: readonly V1Deployment[]): string {
  return deployments
    .map((one) => `${one.metadata?.name ?? ''}: ${readyOf(one)} of ${wantedOf(one)} pods ready`)
    .join(', ');
}
