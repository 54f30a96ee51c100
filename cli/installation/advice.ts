/** What to do about a component that does not come up, by the reason that Kubernetes gives. */
import { z } from 'zod';
import type { Cluster } from '../cluster.ts';

const image = 'can the nodes pull it? --image names another, spec.imagePullSecrets the Secret that a registry asks for';
const byReason: Readonly<Record<string, (name: string, namespace: string) => string>> = {
  ImagePullBackOff: () => image,
  ErrImagePull: () => image,
  InvalidImageName: () => image,
  ErrImageNeverPull: () => image,
  CrashLoopBackOff: (name, namespace) => `kubectl logs -n ${namespace} -l app.kubernetes.io/name=${name} --previous`,
  CreateContainerConfigError: (name, namespace) =>
    describe(name, namespace, 'a Secret or ConfigMap that it needs is missing'),
  FailedCreate: (_name, namespace) =>
    `its pods are refused, as by a quota or a policy: kubectl get resourcequotas -n ${namespace}`,
  ProgressDeadlineExceeded: (name, namespace) => describe(name, namespace, 'its pods do not get ready'),
};

const describe = (name: string, namespace: string, why: string): string =>
  `${why}: kubectl describe pods -n ${namespace} -l app.kubernetes.io/name=${name}`;

/** Undefined where the message says it all. */
export async function adviceFor(cluster: Cluster, name: string, reason: string): Promise<string | undefined> {
  const { namespace } = cluster;
  if (reason !== 'Unschedulable') return byReason[reason]?.(name, namespace);
  const pending = await pendingClaims(cluster);
  if (pending.length === 0) return describe(name, namespace, 'no node has room for it');
  const claims = pending.map((claim) => `${claim.name} (${claim.storageClass})`).join(', ');
  return `volumes are pending: ${claims}; kubectl describe pvc -n ${namespace} says why, --storage-class names another class`;
}

const claimSchema = z.object({
  spec: z.object({ storageClassName: z.string().optional() }),
  status: z.object({ phase: z.string().optional() }).optional(),
});

async function pendingClaims({ objects, namespace }: Cluster): Promise<{ name: string; storageClass: string }[]> {
  const claims = await objects.list({ apiVersion: 'v1', kind: 'PersistentVolumeClaim' }, namespace, '');
  return claims.flatMap((claim) => {
    const { spec, status } = claimSchema.parse(claim);
    if (status?.phase !== 'Pending') return [];
    const { storageClassName: name } = spec;
    return [
      { name: claim.metadata.name, storageClass: name === undefined ? 'no StorageClass' : `StorageClass ${name}` },
    ];
  });
}
