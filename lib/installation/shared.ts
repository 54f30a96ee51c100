/** Objects that several components have alike. */
import type {
  V1NetworkPolicy,
  V1NetworkPolicyPeer,
  V1PersistentVolumeClaim,
  V1PodDisruptionBudget,
  V1ServiceAccount,
} from '@kubernetes/client-node';
import { labelsOf, PART_OF, selectorOf, type Installation, type KubeObject } from './installation.ts';

export function serviceAccountOf(name: string, namespace: string): V1ServiceAccount & KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name, namespace, labels: labelsOf(name) },
    automountServiceAccountToken: false,
  };
}

/** Of one pod there is none: it would only keep nodes from being drained. */
export function budgetOf(name: string, namespace: string, replicas: number): (V1PodDisruptionBudget & KubeObject)[] {
  if (replicas < 2) return [];
  return [
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name, namespace, labels: labelsOf(name) },
      spec: { maxUnavailable: 1, selector: { matchLabels: selectorOf(name) } },
    },
  ];
}

export interface Volume {
  storage: string;
  storageClassName?: string | undefined;
}

export function claimOf(
  name: string,
  { storage, storageClassName }: Volume,
): V1PersistentVolumeClaim & Pick<KubeObject, 'metadata'> {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name },
    spec: {
      accessModes: ['ReadWriteOnce'],
      ...(storageClassName !== undefined && { storageClassName }),
      resources: { requests: { storage } },
    },
  };
}

/** Who may reach some ports of a component: the named ones, all pods of Keptn, or anybody. */
export interface Access {
  ports: readonly number[];
  from: 'anywhere' | 'parts' | readonly string[];
}

export function policyOf(
  { namespace, spec }: Installation,
  name: string,
  accesses: readonly Access[],
): (V1NetworkPolicy & KubeObject)[] {
  return spec.networkPolicies ? [policyFor({ name, namespace, labels: labelsOf(name) }, accesses)] : [];
}

/** For the pods of the component that `metadata.name` names. */
export function policyFor(metadata: KubeObject['metadata'], accesses: readonly Access[]): V1NetworkPolicy & KubeObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata,
    spec: {
      podSelector: { matchLabels: selectorOf(metadata.name) },
      policyTypes: ['Ingress'],
      ingress: accesses.map(({ ports, from }) => ({
        ports: ports.map((port) => ({ port, protocol: 'TCP' })),
        ...(from !== 'anywhere' && { _from: peersOf(from) }),
      })),
    },
  };
}

function peersOf(from: 'parts' | readonly string[]): V1NetworkPolicyPeer[] {
  if (from === 'parts') return [{ podSelector: { matchLabels: PART_OF } }];
  return from.map((name) => ({ podSelector: { matchLabels: selectorOf(name) } }));
}
