/** The objects of a part of ours: Deployment, Service, ServiceAccount and what the table says it needs. */
import type { V1Deployment, V1DeploymentStrategy, V1PersistentVolumeClaim, V1Service } from '@kubernetes/client-node';
import { bindingOf } from './access.ts';
import { commandOf } from './command.ts';
import { labelsOf, selectorOf, type Component, type Installation, type KubeObject } from './installation.ts';
import { METRICS_PORT, type Part } from './parts.ts';
import { tracingEnv } from './places.ts';
import { containerOf, envOf, NODE_USER, podOf, probesOf } from './pod.ts';
import { budgetOf, claimOf, policyOf, serviceAccountOf } from './shared.ts';

const rolling: V1DeploymentStrategy = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } };
const recreate: V1DeploymentStrategy = { type: 'Recreate' };

export function partComponent(installation: Installation, part: Part): Component {
  const { name } = part;
  const { namespace, spec } = installation;
  const replicas = part.several ? spec.replicas : 1;
  return {
    name,
    objects: [
      serviceAccountOf(name, namespace),
      ...(part.asksApiServer ? [bindingOf(name, namespace)] : []),
      ...(part.volume ? [volumeOf(installation, part.name, part.volume)] : []),
      ...(part.service ? [serviceOf(installation, part, part.service)] : []),
      ...budgetOf(name, namespace, replicas),
      ...policyOf(installation, name, part.reached),
      deploymentOf(installation, part, replicas),
    ],
  };
}

function deploymentOf(installation: Installation, part: Part, replicas: number): V1Deployment & KubeObject {
  const { name, health, volume, optionalSecret } = part;
  const { namespace, spec, image, secretsDigest } = installation;
  const selector = selectorOf(name);
  const container = containerOf(
    {
      name,
      image,
      command: commandOf(name),
      env: envOf({ ...part.env(installation), ...tracingEnv(installation), ...spec.env?.[name] }),
      ...(optionalSecret !== undefined && { envFrom: [{ secretRef: { name: optionalSecret, optional: true } }] }),
      ports: [...new Set([health.port, METRICS_PORT])].map((port) => ({
        name: port === METRICS_PORT ? 'metrics' : 'http',
        containerPort: port,
        protocol: 'TCP',
      })),
      ...(volume && { volumeMounts: [{ name: 'data', mountPath: volume.path }] }),
      ...probesOf(health.port, health),
    },
    part.resources,
  );
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels: labelsOf(name) },
    spec: {
      replicas,
      revisionHistoryLimit: 3,
      strategy: part.several || part.rolling ? rolling : recreate,
      selector: { matchLabels: selector },
      template: {
        metadata: {
          labels: selector,
          annotations: {
            'keptn.sh/secrets': secretsDigest,
            'prometheus.io/scrape': 'true',
            'prometheus.io/port': String(METRICS_PORT),
          },
        },
        spec: podOf(
          {
            serviceAccountName: name,
            automountServiceAccountToken: part.asksApiServer === true,
            containers: [container],
            ...(volume && { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: claimNameOf(name) } }] }),
          },
          NODE_USER,
          spec.imagePullSecrets,
        ),
      },
    },
  };
}

const claimNameOf = (name: string): string => `${name}-data`;

function volumeOf(
  installation: Installation,
  name: string,
  { size }: NonNullable<Part['volume']>,
): V1PersistentVolumeClaim & KubeObject {
  const claim = claimOf(claimNameOf(name), size(installation));
  const metadata = { ...claim.metadata, namespace: installation.namespace, labels: labelsOf(name) };
  return { ...claim, apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata };
}

function serviceOf(
  { namespace }: Installation,
  part: Part,
  service: NonNullable<Part['service']>,
): V1Service & KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: service.name, namespace, labels: labelsOf(part.name) },
    spec: {
      selector: selectorOf(part.name),
      ports: service.ports.map((port) => ({ ...port, protocol: 'TCP' })),
    },
  };
}
