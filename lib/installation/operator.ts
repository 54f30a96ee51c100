/** The operator itself, as install/base has it: what `kubectl apply -k .` brings beside the custom resource definitions. */
import type {
  V1ClusterRole,
  V1ClusterRoleBinding,
  V1Deployment,
  V1Namespace,
  V1Role,
  V1RoleBinding,
} from '@kubernetes/client-node';
import { clusterRoles, operatorEverywhere, operatorInside } from './access.ts';
import { commandOf } from './command.ts';
import { PART_OF, selectorOf, type KubeObject } from './installation.ts';
import { containerOf, envOf, NODE_USER, podOf, probesOf } from './pod.ts';
import { places, services } from './places.ts';
import { policyFor } from './shared.ts';

export const OPERATOR = 'keptn-operator';
/** Its tag is the version of package.json. */
export const REPOSITORY = 'docker.io/keptn/keptn-operator';
const RBAC = 'rbac.authorization.k8s.io';
const HEALTH = 8081;

export interface OperatorSettings {
  namespace: string;
  image: string;
}

/** In the order in which they are applied; cluster-wide ones first. */
export function operatorObjects({ namespace, image }: OperatorSettings): KubeObject[] {
  // Not labelsOf: what the operator manages it may remove.
  const selector = selectorOf(OPERATOR);
  const inside = { name: OPERATOR, namespace, labels: selector };
  const subjects = [{ kind: 'ServiceAccount', name: OPERATOR, namespace }];
  const everywhere: V1ClusterRole & KubeObject = {
    apiVersion: `${RBAC}/v1`,
    kind: 'ClusterRole',
    metadata: { name: OPERATOR },
    rules: operatorEverywhere,
  };
  const everywhereBinding: V1ClusterRoleBinding & KubeObject = {
    apiVersion: `${RBAC}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name: OPERATOR },
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: OPERATOR },
    subjects,
  };
  const role: V1Role & KubeObject = {
    apiVersion: `${RBAC}/v1`,
    kind: 'Role',
    metadata: inside,
    rules: operatorInside,
  };
  const binding: V1RoleBinding & KubeObject = {
    apiVersion: `${RBAC}/v1`,
    kind: 'RoleBinding',
    metadata: inside,
    roleRef: { apiGroup: RBAC, kind: 'Role', name: OPERATOR },
    subjects,
  };
  const account: KubeObject = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: inside };
  return [
    namespaceOf(namespace),
    ...clusterRoles(),
    everywhere,
    everywhereBinding,
    account,
    role,
    binding,
    policyFor(inside, [{ ports: [HEALTH], from: 'anywhere' }]),
    deploymentOf({ namespace, image }, inside, selector),
  ];
}

/** Nothing in it may be more than the restricted standard allows. */
function namespaceOf(name: string): V1Namespace & KubeObject {
  const standard = Object.fromEntries(
    ['enforce', 'warn', 'audit'].map((mode) => [`pod-security.kubernetes.io/${mode}`, 'restricted']),
  );
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { ...PART_OF, ...standard } } };
}

function deploymentOf(
  { image }: OperatorSettings,
  metadata: KubeObject['metadata'],
  selector: Record<string, string>,
): V1Deployment & KubeObject {
  const container = containerOf(
    {
      name: 'operator',
      image,
      command: commandOf(OPERATOR),
      env: [
        {
          name: 'POD_NAMESPACE',
          valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } },
        },
        ...envOf({
          KEPTN_LEADER_ELECT: 'true',
          NATS_URL: `nats://${services.nats}:4222`,
          KEPTN_CONFIGURATION_SERVICE: places.CONFIGURATION_SERVICE,
          HOME: '/tmp',
        }),
      ],
      ports: [{ name: 'health', containerPort: HEALTH, protocol: 'TCP' }],
      ...probesOf(HEALTH, { live: '/healthz', ready: '/readyz' }),
    },
    { cpu: '50m', memory: '192Mi', limit: '768Mi' },
  );
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: {
      replicas: 1,
      revisionHistoryLimit: 3,
      selector: { matchLabels: selector },
      template: {
        metadata: {
          labels: selector,
          annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': String(HEALTH) },
        },
        spec: podOf(
          { serviceAccountName: OPERATOR, automountServiceAccountToken: true, containers: [container] },
          NODE_USER,
        ),
      },
    },
  };
}
