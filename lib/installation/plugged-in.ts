/** A service of the user's own: its container, and a distributor beside it that brings it events. */
import type { V1Deployment, V1Service } from '@kubernetes/client-node';
import type { PluggedIn } from '../model/keptn.ts';
import { commandOf } from './command.ts';
import { labelsOf, selectorOf, type Component, type Installation, type KubeObject } from './installation.ts';
import { containerOf, envOf, NODE_USER, podOf, probesOf } from './pod.ts';
import { natsEnv, places, tracingEnv } from './places.ts';
import { policyOf, serviceAccountOf } from './shared.ts';

export function pluggedInComponent(installation: Installation, given: PluggedIn): Component {
  const { namespace, spec } = installation;
  const { name } = given;
  const selector = selectorOf(name);
  const service: V1Service & KubeObject = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace, labels: labelsOf(name) },
    spec: { selector, ports: [{ name: 'http', port: 8080, targetPort: given.port, protocol: 'TCP' }] },
  };
  const deployment: V1Deployment & KubeObject = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels: labelsOf(name) },
    spec: {
      replicas: 1,
      selector: { matchLabels: selector },
      template: {
        metadata: { labels: selector },
        spec: podOf(
          { serviceAccountName: name, containers: [ownOf(given), distributorOf(installation, given)] },
          NODE_USER,
          spec.imagePullSecrets,
        ),
      },
    },
  };
  return {
    name,
    objects: [
      serviceAccountOf(name, namespace),
      service,
      ...policyOf(installation, name, [
        { ports: [given.port], from: 'parts' },
        { ports: [8082], from: 'anywhere' },
      ]),
      deployment,
    ],
  };
}

function ownOf({ name, image, port, env }: PluggedIn) {
  const resources = { cpu: '20m', memory: '64Mi', limit: '512Mi' };
  return containerOf(
    {
      name,
      image,
      env: envOf({ ...places, ENVIRONMENT: 'production', ...env }),
      ports: [{ name: 'http', containerPort: port, protocol: 'TCP' }],
      // What paths it answers is not known.
      readinessProbe: { tcpSocket: { port }, periodSeconds: 5 },
    },
    resources,
  );
}

function distributorOf(installation: Installation, { name, port, path, topics }: PluggedIn) {
  const resources = { cpu: '10m', memory: '80Mi', limit: '192Mi' };
  return containerOf(
    {
      name: 'distributor',
      image: installation.image,
      command: commandOf('distributor'),
      env: envOf({
        ...natsEnv(installation),
        ...tracingEnv(installation),
        PUBSUB_TOPIC: topics.join(','),
        PUBSUB_RECIPIENT: '127.0.0.1',
        PUBSUB_RECIPIENT_PORT: String(port),
        PUBSUB_RECIPIENT_PATH: path,
        // Named after the service: another list of topics is no other receiver.
        KEPTN_DURABLE: name,
      }),
      ports: [{ name: 'metrics', containerPort: 8082, protocol: 'TCP' }],
      ...probesOf(8082, { live: '/healthz', ready: '/readyz' }),
    },
    resources,
  );
}
