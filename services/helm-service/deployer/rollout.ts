/** How a rollout goes, as the API server tells it: pods ready of wanted, and what keeps the others from it. */
import type { AppsV1Api, CoreV1Api, V1Deployment, V1Pod } from '@kubernetes/client-node';
import type { Caller } from '../../../lib/resources/kubernetes/calls.ts';

export interface Rollout {
  /** Such as `carts: 1 of 2 pods ready`. */
  line: string;
  /** What Kubernetes says is wrong; undefined while nothing is. */
  trouble?: Trouble | undefined;
}

export interface Trouble {
  reason: string;
  message: string;
  /** No time will mend it. */
  final: boolean;
}

export interface Apis {
  apps: AppsV1Api;
  core: CoreV1Api;
  caller: Caller;
}

/** A pod on its way has these for a moment; they are no trouble. */
const usual = new Set(['ContainerCreating', 'PodInitializing']);
/** What only another artifact or chart mends. */
const final = new Set(['InvalidImageName', 'ErrImageNeverPull', 'CreateContainerConfigError']);
/** Of crashes in a row: a service that waits for its database comes up after some. */
const CRASHES = 5;

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

function troubleOf(deployment: V1Deployment, pods: readonly V1Pod[]): Trouble | undefined {
  for (const { type, status, reason = '', message = '' } of deployment.status?.conditions ?? []) {
    if (type === 'ReplicaFailure' && status === 'True') return { reason, message, final: false };
    if (type === 'Progressing' && status === 'False') return { reason, message, final: true };
  }
  const labels = Object.entries(deployment.spec?.selector.matchLabels ?? {});
  const own = pods.filter(({ metadata }) => labels.every(([key, value]) => metadata?.labels?.[key] === value));
  return own.flatMap((pod) => troubleOfPod(pod) ?? [])[0];
}

function troubleOfPod({ metadata, status }: V1Pod): Trouble | undefined {
  const name = metadata?.name ?? '';
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False' && scheduled.reason === 'Unschedulable') {
    return { reason: 'Unschedulable', message: `pod ${name}: ${scheduled.message ?? ''}`, final: false };
  }
  for (const container of [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]) {
    const { reason, message } = container.state?.waiting ?? {};
    if (!reason || usual.has(reason)) continue;
    const exit = container.lastState?.terminated;
    const crash = exit ? `, last exit code ${exit.exitCode}${exit.reason ? ` (${exit.reason})` : ''}` : '';
    const crashed = reason === 'CrashLoopBackOff' && container.restartCount >= CRASHES;
    const sentence = `pod ${name}, container ${container.name}: ${message ?? reason}${crash}`;
    return { reason, message: sentence, final: crashed || final.has(reason) };
  }
  return undefined;
}
