/** What each part may ask of the API server: nothing, unless it is named here. A test fails on a verb that nothing uses. */
import type { V1ClusterRole, V1ClusterRoleBinding, V1PolicyRule, V1RoleBinding } from '@kubernetes/client-node';
import { GROUP } from '../model/kind.ts';
import { kindNames, kinds } from '../model/object.ts';
import { labelsOf, type KubeObject } from './installation.ts';
import { ISTIO_INSTALLER, ISTIOD, PUBLIC_GATEWAY } from './istio.ts';

const RBAC = 'rbac.authorization.k8s.io';

/** A ClusterRole with this label adds to what charts may have: a CronJob, a PersistentVolumeClaim. */
export const AGGREGATE = { 'keptn.sh/aggregate-to-helm-service': 'true' } as const;

const plurals = kindNames.map((kind) => kinds[kind].plural);
const rule = (apiGroup: string, resources: string[], verbs: string[]): V1PolicyRule => ({
  apiGroups: [apiGroup],
  resources,
  verbs,
});

export interface Access {
  /** True: in all namespaces; else in that of the installation. */
  everywhere: boolean;
  /** None: they are gathered from the roles that have the label. */
  rules?: V1PolicyRule[];
}

const change = ['create', 'delete', 'get', 'patch'];

export const accesses: Readonly<Record<string, Access>> = {
  'api-service': {
    everywhere: true,
    rules: [
      rule(GROUP, plurals, ['list', 'watch', 'create', 'patch', 'delete']),
      // Whether the Bridge has a public address.
      rule(GROUP, ['keptns'], ['list', 'patch']),
    ],
  },
  'configuration-service': {
    everywhere: false,
    rules: [rule('', ['secrets'], ['get', 'create', 'update', 'delete'])],
  },
  'lighthouse-service': {
    everywhere: false,
    rules: [rule('', ['configmaps'], ['get', 'create', 'patch'])],
  },
  'prometheus-service': {
    everywhere: false,
    rules: [
      rule('', ['configmaps'], ['get', 'create', 'patch']),
      rule('monitoring.coreos.com', ['prometheusrules'], ['create', 'patch', 'delete']),
      rule('monitoring.coreos.com', ['servicemonitors'], ['list', 'create', 'patch', 'delete']),
      rule('monitoring.coreos.com', ['alertmanagerconfigs'], ['create', 'patch']),
    ],
  },
  'helm-service': { everywhere: true },
  // Where its releases are, and in each namespace that it may change.
  tiller: {
    everywhere: false,
    rules: [
      rule('', ['configmaps'], ['create', 'delete', 'get', 'list', 'patch', 'update']),
      rule('', ['namespaces'], ['get']),
    ],
  },
};

/** What helm and helm-service change for the generated charts. */
export const chartRules: V1PolicyRule[] = [
  rule('', ['namespaces'], ['create', 'patch']),
  rule('', ['secrets'], ['create', 'delete', 'get', 'list', 'update']),
  rule('', ['services'], change),
  rule('', ['pods'], ['list']),
  rule('apps', ['deployments'], [...change, 'list']),
  rule('apps', ['replicasets'], ['list']),
  rule('networking.istio.io', ['virtualservices', 'destinationrules'], change),
  rule('gateway.networking.k8s.io', ['httproutes'], change),
];

/** Of the operator, beside its own namespace. */
export const operatorEverywhere: V1PolicyRule[] = [
  rule(GROUP, plurals, ['list', 'watch', 'patch']),
  // Of a shipyard.
  rule(GROUP, ['stages'], ['create', 'delete']),
  rule(
    GROUP,
    plurals.map((plural) => `${plural}/status`),
    ['patch'],
  ),
  rule(GROUP, ['keptns'], ['list', 'watch', 'patch']),
  rule(GROUP, ['keptns/status'], ['patch']),
  // Values that a Project or Resource refers to.
  rule('', ['secrets', 'configmaps'], ['get']),
  rule('events.k8s.io', ['events'], ['create']),
  rule('networking.k8s.io', ['ingressclasses'], ['list']),
  rule(RBAC, ['clusterrolebindings', 'rolebindings'], ['list', 'create', 'patch', 'delete']),
  // Whether Istio is there, and the one Gateway that is made for it.
  { ...rule('apps', ['deployments'], ['get']), resourceNames: [ISTIOD] },
  { ...rule('networking.istio.io', ['gateways'], change), resourceNames: [PUBLIC_GATEWAY.name] },
  // It hands out these roles, and no other.
  { ...rule(RBAC, ['clusterroles'], ['bind']), resourceNames: Object.keys(accesses).map(roleNameOf) },
];

/** Of the operator in its namespace: what an installation is made of. */
export const operatorInside: V1PolicyRule[] = [
  rule('coordination.k8s.io', ['leases'], ['get', 'create', 'update']),
  rule('apps', ['deployments', 'statefulsets'], ['list', 'watch', 'create', 'patch', 'delete']),
  rule('', ['services', 'serviceaccounts', 'configmaps'], ['list', 'create', 'patch', 'delete']),
  rule('', ['secrets'], ['create', 'delete']),
  rule('', ['persistentvolumeclaims'], ['list', 'create', 'patch', 'delete']),
  // Somebody has to give that account its rights before it is of use: install/istio.
  { ...rule('', ['serviceaccounts/token'], ['create']), resourceNames: [ISTIO_INSTALLER] },
  rule('', ['pods'], ['list']),
  rule('policy', ['poddisruptionbudgets'], ['list', 'create', 'patch', 'delete']),
  rule('networking.k8s.io', ['networkpolicies', 'ingresses'], ['list', 'create', 'patch', 'delete']),
  rule('networking.istio.io', ['virtualservices'], ['list', 'create', 'patch', 'delete']),
  rule('gateway.networking.k8s.io', ['httproutes'], ['list', 'create', 'patch', 'delete']),
];

export function roleNameOf(name: string): string {
  return `keptn-${name}`;
}

/** The ClusterRoles that come with the operator. */
export function clusterRoles(): (V1ClusterRole & KubeObject)[] {
  const role = { apiVersion: `${RBAC}/v1`, kind: 'ClusterRole' };
  return [
    ...Object.entries(accesses).map(([name, { rules }]) => ({
      ...role,
      metadata: { name: roleNameOf(name) },
      ...(rules ? { rules } : { aggregationRule: { clusterRoleSelectors: [{ matchLabels: AGGREGATE }] } }),
    })),
    { ...role, metadata: { name: roleNameOf('charts'), labels: AGGREGATE }, rules: chartRules },
  ];
}

/** Gives a part's ServiceAccount its role. */
export function bindingOf(name: string, namespace: string): (V1ClusterRoleBinding | V1RoleBinding) & KubeObject {
  const everywhere = accesses[name]?.everywhere === true;
  return {
    apiVersion: `${RBAC}/v1`,
    ...(everywhere
      ? { kind: 'ClusterRoleBinding', metadata: { name: `keptn-${namespace}-${name}`, labels: labelsOf(name) } }
      : { kind: 'RoleBinding', metadata: { name, namespace, labels: labelsOf(name) } }),
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: roleNameOf(name) },
    subjects: [{ kind: 'ServiceAccount', name, namespace }],
  };
}
