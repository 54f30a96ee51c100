/** What keeps a workload from being ready, in the words of Kubernetes. */
import type { V1Pod } from '@kubernetes/client-node';

export interface Trouble {
  reason: string;
  message: string;
  /** No time will mend it. */
  final: boolean;
}

/** What a Deployment and a StatefulSet have alike. */
interface Workload {
  spec?: { selector?: { matchLabels?: Record<string, string> | undefined } | undefined } | undefined;
  status?:
    | {
        conditions?:
          | readonly { type: string; status: string; reason?: string | undefined; message?: string | undefined }[]
          | undefined;
      }
    | undefined;
}

/** A pod on its way has these for a moment; they are no trouble. */
const usual = new Set(['ContainerCreating', 'PodInitializing']);
/** What only another artifact or chart mends. */
const final = new Set(['InvalidImageName', 'ErrImageNeverPull', 'CreateContainerConfigError']);
/** Of crashes in a row: a service that waits for its database comes up after some. */
const CRASHES = 5;

/** Of a Deployment or StatefulSet and its pods, which are among `pods`. */
export function troubleOf(workload: Workload, pods: readonly V1Pod[]): Trouble | undefined {
  for (const { type, status, reason = '', message = '' } of workload.status?.conditions ?? []) {
    if (type === 'ReplicaFailure' && status === 'True') return { reason, message, final: false };
    if (type === 'Progressing' && status === 'False') return { reason, message, final: true };
  }
  const labels = Object.entries(workload.spec?.selector?.matchLabels ?? {});
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
