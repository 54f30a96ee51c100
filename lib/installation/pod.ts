/** What every pod of an installation has: the restricted pod security standard, a folder for temporary files, probes. */
import type { V1Container, V1EnvVar, V1PodSpec, V1Probe } from '@kubernetes/client-node';

/** Values, or where Kubernetes takes them from. */
export type Env = Readonly<Record<string, string | { secret: string; key: string; optional?: boolean }>>;

/** uid of `node` in Node's images. */
export const NODE_USER = 1000;

export function envOf(env: Env): V1EnvVar[] {
  return Object.entries(env).map(([name, value]) =>
    typeof value === 'string'
      ? { name, value }
      : {
          name,
          valueFrom: {
            secretKeyRef: { name: value.secret, key: value.key, ...(value.optional && { optional: true }) },
          },
        },
  );
}

export interface Resources {
  cpu: string;
  memory: string;
  /** Memory above which the container is killed. */
  limit: string;
}

/** A container that may write to /tmp and its volumes alone. */
export function containerOf(
  container: Pick<V1Container, 'name' | 'image'> & Partial<V1Container>,
  { cpu, memory, limit }: Resources,
): V1Container {
  return {
    ...container,
    resources: { requests: { cpu, memory }, limits: { memory: limit } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }, ...(container.volumeMounts ?? [])],
  };
}

export function podOf(
  pod: Pick<V1PodSpec, 'containers' | 'serviceAccountName'> & Partial<V1PodSpec>,
  user: number,
  pullSecrets: readonly string[] = [],
): V1PodSpec {
  return {
    ...pod,
    automountServiceAccountToken: pod.automountServiceAccountToken ?? false,
    ...(pullSecrets.length > 0 && { imagePullSecrets: pullSecrets.map((name) => ({ name })) }),
    securityContext: {
      runAsNonRoot: true,
      runAsUser: user,
      runAsGroup: user,
      fsGroup: user,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumes: [{ name: 'tmp', emptyDir: {} }, ...(pod.volumes ?? [])],
  };
}

const probe = (path: string, port: number): V1Probe => ({ httpGet: { path, port }, timeoutSeconds: 3 });

/** Ready as `ready` says; begun anew when `live` is silent for a minute. */
export function probesOf(
  port: number,
  { live, ready }: { live: string; ready: string },
): Pick<V1Container, 'livenessProbe' | 'readinessProbe'> {
  return {
    readinessProbe: { ...probe(ready, port), periodSeconds: 5 },
    livenessProbe: { ...probe(live, port), periodSeconds: 10, failureThreshold: 6, initialDelaySeconds: 10 },
  };
}
