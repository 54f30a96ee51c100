/** Tiller for helm 2.12, which may change just the namespaces that are named; never there by default. */
import type { V1Deployment, V1RoleBinding, V1Service } from '@kubernetes/client-node';
import { roleNameOf } from './access.ts';
import { labelsOf, selectorOf, type Component, type Installation, type KubeObject } from './installation.ts';
import { containerOf, envOf, NODE_USER, podOf, probesOf } from './pod.ts';
import { policyOf, serviceAccountOf } from './shared.ts';

/** The names by which helm 2 looks for it. */
const NAME = 'tiller-deploy';
const HELM_LABELS = { app: 'helm', name: 'tiller' };
const ACCOUNT = 'tiller';

export function tillerComponent(installation: Installation): Component {
  const { namespace, spec } = installation;
  const labels = labelsOf(NAME);
  const selector = selectorOf(NAME);
  const service: V1Service & KubeObject = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: NAME, namespace, labels: { ...labels, ...HELM_LABELS } },
    spec: { selector, ports: [{ name: 'tiller', port: 44_134, targetPort: 44_134, protocol: 'TCP' }] },
  };
  const server = containerOf(
    {
      name: 'tiller',
      image: spec.helm.tillerImage,
      env: envOf({ TILLER_NAMESPACE: namespace, TILLER_HISTORY_MAX: '10' }),
      ports: [
        { name: 'tiller', containerPort: 44_134, protocol: 'TCP' },
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
  // It keeps its releases in its own namespace.
  const namespaces = [...new Set([namespace, ...spec.helm.namespaces])];
  return {
    name: NAME,
    objects: [
      { ...serviceAccountOf(ACCOUNT, namespace), metadata: { name: ACCOUNT, namespace, labels } },
      ...namespaces.map((target) => bindingIn(target, namespace)),
      service,
      ...policyOf(installation, NAME, [{ ports: [44_134], from: ['helm-service'] }]),
      deployment,
    ],
  };
}

function bindingIn(target: string, namespace: string): V1RoleBinding & KubeObject {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'keptn-tiller', namespace: target, labels: labelsOf(NAME) },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: roleNameOf('helm-service') },
    subjects: [{ kind: 'ServiceAccount', name: ACCOUNT, namespace }],
  };
}
