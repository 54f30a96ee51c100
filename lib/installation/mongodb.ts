/** MongoDB on a volume, with a generated password, for the mongodb-datastore alone. */
import type { V1Service, V1StatefulSet } from '@kubernetes/client-node';
import {
  labelsOf,
  secretNames,
  selectorOf,
  type Component,
  type Installation,
  type KubeObject,
} from './installation.ts';
import { containerOf, envOf, podOf, type Env } from './pod.ts';
import { services } from './places.ts';
import { claimOf, policyOf, serviceAccountOf } from './shared.ts';

const NAME = services.mongodb;
const USER = 'keptn';
/** uid of `mongodb` in its images. */
const MONGODB_USER = 999;
const password = { secret: secretNames.mongodb, key: 'password' };

/** What the datastore needs to find it: ours, or the one that is given. */
export function mongodbEnv({ spec: { mongodb } }: Installation): Env {
  if (mongodb.uriRef) return { MONGODB_URI: { secret: mongodb.uriRef.name, key: mongodb.uriRef.key } };
  const uri = `mongodb://${USER}:$(MONGODB_PASSWORD)@${NAME}:27017/keptn?authSource=admin`;
  return { MONGODB_PASSWORD: password, MONGODB_URI: uri };
}

export function mongodbComponent(installation: Installation): Component {
  const { namespace, spec } = installation;
  const selector = selectorOf(NAME);
  const metadata = { name: NAME, namespace, labels: labelsOf(NAME) };
  const service: V1Service & KubeObject = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: { selector, ports: [{ name: 'mongodb', port: 27_017, targetPort: 27_017, protocol: 'TCP' }] },
  };
  const server = containerOf(
    {
      name: 'mongodb',
      image: spec.mongodb.image,
      env: envOf({ MONGO_INITDB_ROOT_USERNAME: USER, MONGO_INITDB_ROOT_PASSWORD: password }),
      ports: [{ name: 'mongodb', containerPort: 27_017, protocol: 'TCP' }],
      volumeMounts: [
        { name: 'data', mountPath: '/data/db' },
        { name: 'data', mountPath: '/data/configdb', subPath: 'configdb' },
      ],
      readinessProbe: { tcpSocket: { port: 27_017 }, periodSeconds: 5 },
      livenessProbe: { tcpSocket: { port: 27_017 }, periodSeconds: 10, failureThreshold: 6, initialDelaySeconds: 30 },
    },
    { cpu: '100m', memory: '256Mi', limit: '1Gi' },
  );
  const set: V1StatefulSet & KubeObject = {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata,
    spec: {
      serviceName: NAME,
      replicas: 1,
      selector: { matchLabels: selector },
      template: {
        metadata: { labels: selector },
        spec: podOf({ serviceAccountName: NAME, containers: [server] }, MONGODB_USER, spec.imagePullSecrets),
      },
      volumeClaimTemplates: [claimOf('data', spec.mongodb)],
    },
  };
  return {
    name: NAME,
    objects: [
      serviceAccountOf(NAME, namespace),
      service,
      ...policyOf(installation, NAME, [{ ports: [27_017], from: ['mongodb-datastore'] }]),
      set,
    ],
  };
}
