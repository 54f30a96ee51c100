/** Deployments and StatefulSets of an installation, as the API server has them. */
import type { V1Pod } from '@kubernetes/client-node';
import { z } from 'zod';
import { troubleOf } from '../../lib/resources/kubernetes/trouble.ts';

const condition = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().optional(),
  message: z.string().optional(),
});

export const workloadSchema = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string(), uid: z.string(), generation: z.int() }),
  spec: z.object({
    replicas: z.int().default(1),
    selector: z.object({ matchLabels: z.record(z.string(), z.string()).optional() }),
    template: z.object({
      spec: z.object({ containers: z.array(z.object({ name: z.string(), image: z.string().optional() })) }),
    }),
  }),
  status: z
    .object({
      observedGeneration: z.int().default(0),
      replicas: z.int().default(0),
      updatedReplicas: z.int().default(0),
      readyReplicas: z.int().default(0),
      conditions: z.array(condition).optional(),
    })
    .prefault({}),
});
export type Workload = z.output<typeof workloadSchema>;

/** How a component is, as its condition tells. */
export interface Health {
  component: string;
  status: 'True' | 'False' | 'Unknown';
  /** One word for programs. */
  reason: string;
  message: string;
}

/** Pods of the declared version that are ready, without those of the version before. */
function readyOf({ metadata, status }: Workload): number {
  if (status.observedGeneration < metadata.generation) return 0;
  return Math.max(0, status.readyReplicas - (status.replicas - status.updatedReplicas));
}

export function isReady(workload: Workload): boolean {
  return readyOf(workload) >= workload.spec.replicas && workload.status.replicas === workload.status.updatedReplicas;
}

/** Of one that is not seen as it was applied nothing is known but that. */
export function healthOf(component: string, workload: Workload | undefined, pods: readonly V1Pod[]): Health {
  if (!workload) return { component, status: 'False', reason: 'Progressing', message: 'it is being applied' };
  const message = `${readyOf(workload)} of ${workload.spec.replicas} pods ready`;
  if (isReady(workload)) return { component, status: 'True', reason: 'Ready', message };
  const trouble = troubleOf(workload, pods);
  if (!trouble) return { component, status: 'False', reason: 'Progressing', message };
  return { component, status: 'False', reason: trouble.reason, message: `${message}; ${trouble.message}` };
}
