/** Tiller for helm 2.12, which may change just the namespaces that are named; never there by default. */
import type { V1Deployment, V1RoleBinding, V1Service } from '@kubernetes/client-node';
import { bindingOf, roleNameOf } from './access.ts';
import { labelsOf, selectorOf, type Component, type Installation, type KubeObject } from './installation.ts';
import { containerOf, envOf, NODE_USER, podOf, probesOf } from './pod.ts';
import { policyOf, serviceAccountOf } from './shared.ts';

/** The names by which helm 2 looks for it. */
const NAME = 'tiller-deploy';
const HELM_LABELS = { app: 'helm', name: 'tiller' };
const ACCOUNT = 'tiller';
const PORT = 44_134;

/** What helm 2 needs to find it: its address, so that it need not look for the pod and have a way to it opened. */
export function tillerEnv({ namespace }: Pick<Installation, 'namespace'>): Record<string, string> {
  return { TILLER_NAMESPACE: namespace, HELM_HOST: `${NAME}.${namespace}:${PORT}` };
}

export function tillerComponent(installation: Installation): Component {
  const { namespace, spec } = installation;
  const labels = labelsOf(NAME);
  const selector = selectorOf(NAME);
  const service: V1Service & KubeObject = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: NAME, namespace, labels: { ...labels, ...HELM_LABELS } },
    spec: { selector, ports: [{ name: 'tiller', port: PORT, targetPort: PORT, protocol: 'TCP' }] },
  };
  const server = containerOf(
    {
      name: 'tiller',
      image: spec.helm.tillerImage,
      env: envOf({ TILLER_NAMESPACE: namespace, TILLER_HISTORY_MAX: '10' }),
      ports: [
        { name: 'tiller', containerPort: PORT, protocol: 'TCP' },
        { name: 'http', containerPort: 44_135, protocol: 'TCP' },
      ],
      ...probesOf(44_135, { live: '/liveness', ready: '/readiness' }),
    },
    { cpu: '20m', memory: '64Mi', limit: '256Mi' },
  );
  const deployment: V1Deployment & KubeObject = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: NAME, namespace, labels },
    spec: {
      replicas: 1,
      strategy: { type: 'Recreate' },
      selector: { matchLabels: selector },
      template: {
        metadata: { labels: { ...selector, ...HELM_LABELS } },
        spec: podOf(
          { serviceAccountName: ACCOUNT, automountServiceAccountToken: true, containers: [server] },
          NODE_USER,
          spec.imagePullSecrets,
        ),
      },
    },
  };
  return {
    name: NAME,
    objects: [
      { ...serviceAccountOf(ACCOUNT, namespace), metadata: { name: ACCOUNT, namespace, labels } },
      // Its releases are ConfigMaps of its own namespace.
      { ...bindingOf(ACCOUNT, namespace), metadata: { name: ACCOUNT, namespace, labels } },
      ...spec.helm.namespaces.flatMap((target) => [
        bindingIn(target, namespace, ACCOUNT),
        bindingIn(target, namespace, 'helm-service'),
      ]),
      service,
      ...policyOf(installation, NAME, [{ ports: [PORT], from: ['helm-service'] }]),
      deployment,
    ],
  };
}

/** Gives it the role of a part in a namespace that it may change. */
function bindingIn(target: string, namespace: string, part: string): V1RoleBinding & KubeObject {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: `${namespace}-tiller-${part}`, namespace: target, labels: labelsOf(NAME) },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: roleNameOf(part) },
    subjects: [{ kind: 'ServiceAccount', name: ACCOUNT, namespace }],
  };
}
