/** NATS with JetStream on volumes: what it has acknowledged is on disk. */
import type { V1ConfigMap, V1Service, V1StatefulSet } from '@kubernetes/client-node';
import { labelsOf, selectorOf, type Component, type Installation, type KubeObject } from './installation.ts';
import { containerOf, envOf, NODE_USER, podOf, probesOf } from './pod.ts';
import { services } from './places.ts';
import { budgetOf, claimOf, policyOf, serviceAccountOf } from './shared.ts';

const NAME = services.nats;
const PEERS = `${NAME}-peers`;

/** The server's settings; a CloudEvent of ours may be larger than NATS' own limit of 1 MB. */
export function natsConfig(replicas: number): string {
  const routes = Array.from({ length: replicas }, (_, index) => `nats://${NAME}-${index}.${PEERS}:6222`);
  const cluster = `
cluster {
  name: keptn
  listen: 0.0.0.0:6222
  routes: [${routes.join(', ')}]
}
`;
  return `server_name: $POD_NAME
listen: 0.0.0.0:4222
http: 0.0.0.0:8222
max_payload: 4MB
jetstream {
  store_dir: /data
  # An event that is acknowledged outlives a power failure.
  sync_interval: always
}
${replicas > 1 ? cluster : ''}`;
}

export function natsComponent(installation: Installation): Component {
  const { namespace, spec } = installation;
  const { nats, imagePullSecrets } = spec;
  const selector = selectorOf(NAME);
  const metadata = { namespace, labels: labelsOf(NAME) };
  const config: V1ConfigMap & KubeObject = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { ...metadata, name: NAME },
    data: { 'nats.conf': natsConfig(nats.replicas) },
  };
  const service: V1Service & KubeObject = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { ...metadata, name: NAME },
    spec: { selector, ports: [{ name: 'client', port: 4222, targetPort: 4222, protocol: 'TCP' }] },
  };
  const peers: V1Service & KubeObject = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { ...metadata, name: PEERS },
    spec: {
      clusterIP: 'None',
      // They have to find each other before any is ready.
      publishNotReadyAddresses: true,
      selector,
      ports: [{ name: 'cluster', port: 6222, targetPort: 6222, protocol: 'TCP' }],
    },
  };
  const server = containerOf(
    {
      name: 'nats',
      image: nats.image,
      args: ['--config', '/etc/nats/nats.conf'],
      env: [
        { name: 'POD_NAME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } },
        ...envOf({}),
      ],
      ports: [
        { name: 'client', containerPort: 4222, protocol: 'TCP' },
        { name: 'monitor', containerPort: 8222, protocol: 'TCP' },
      ],
      volumeMounts: [
        { name: 'config', mountPath: '/etc/nats', readOnly: true },
        { name: 'data', mountPath: '/data' },
      ],
      ...probesOf(8222, { live: '/healthz?js-server-only=true', ready: '/healthz?js-server-only=true' }),
    },
    { cpu: '50m', memory: '64Mi', limit: '512Mi' },
  );
  const set: V1StatefulSet & KubeObject = {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { ...metadata, name: NAME },
    spec: {
      serviceName: PEERS,
      replicas: nats.replicas,
      podManagementPolicy: 'Parallel',
      selector: { matchLabels: selector },
      template: {
        metadata: { labels: selector },
        spec: podOf(
          {
            serviceAccountName: NAME,
            containers: [server],
            volumes: [{ name: 'config', configMap: { name: NAME } }],
            affinity: {
              podAntiAffinity: {
                preferredDuringSchedulingIgnoredDuringExecution: [
                  {
                    weight: 1,
                    podAffinityTerm: {
                      topologyKey: 'kubernetes.io/hostname',
                      labelSelector: { matchLabels: selector },
                    },
                  },
                ],
              },
            },
          },
          NODE_USER,
          imagePullSecrets,
        ),
      },
      volumeClaimTemplates: [claimOf('data', nats)],
    },
  };
  const inside = [4222, 6222];
  return {
    name: NAME,
    objects: [
      serviceAccountOf(NAME, namespace),
      config,
      service,
      peers,
      ...budgetOf(NAME, namespace, nats.replicas),
      ...policyOf(installation, NAME, [
        { ports: inside, from: 'parts' },
        { ports: [8222], from: 'anywhere' },
      ]),
      set,
    ],
  };
}
