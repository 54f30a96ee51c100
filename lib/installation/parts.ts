/** The parts of ours, as a table: what each runs, needs and offers. */
import type { UseCase } from '../model/keptn.ts';
import { secretNames, type Installation } from './installation.ts';
import { mongodbEnv } from './mongodb.ts';
import type { Env, Resources } from './pod.ts';
import { natsEnv, places, services } from './places.ts';
import type { Access, Volume } from './shared.ts';
import { tillerEnv } from './tiller.ts';

export interface Part {
  /** Of its Deployment and of its npm script. */
  name: string;
  /** What needs it; all do without. */
  useCases?: readonly UseCase[];
  /** How others find it. */
  service?: { name: string; ports: readonly { name: string; port: number; targetPort: number }[] };
  health: { port: number; live: string; ready: string };
  env: (installation: Installation) => Env;
  /** Secret whose keys are environment too, where it is there. */
  optionalSecret?: string;
  resources: Resources;
  /** True: as many pods as spec.replicas says; else one, which ends before the next begins. */
  several?: boolean;
  /** True: two pods of it may work side by side for a moment, so that an upgrade has no gap. */
  rolling?: boolean;
  /** True: it asks the API server, with what its ClusterRole allows. */
  asksApiServer?: boolean;
  volume?: { path: string; size: (installation: Installation) => Volume };
  reached: readonly Access[];
}

const small: Resources = { cpu: '20m', memory: '96Mi', limit: '256Mi' };
/** Of /metrics, in every part. */
export const METRICS_PORT = 8081;
const own = { port: METRICS_PORT, live: '/healthz', ready: '/readyz' };
const metrics: Access = { ports: [METRICS_PORT], from: 'anywhere' };
const http = (name: string, port: number, targetPort: number) => ({
  name,
  ports: [{ name: 'http', port, targetPort }],
});

/** Of the services that take events from NATS. */
const worker = (installation: Installation): Env => ({
  ...natsEnv(installation),
  CONFIGURATION_SERVICE: places.CONFIGURATION_SERVICE,
  MONGODB_DATASTORE: places.MONGODB_DATASTORE,
  // It outlives the container, not the pod: what is stored for good is on the bus.
  KEPTN_STATE_DIR: '/tmp',
});
const service = {
  health: own,
  env: worker,
  resources: small,
  rolling: true,
  reached: [metrics],
} as const satisfies Partial<Part>;

const token = { secret: secretNames.token, key: secretNames.token };

export const parts: readonly Part[] = [
  {
    name: 'configuration-service',
    service: http('configuration-service', 8080, 8080),
    health: { ...own, port: 8080 },
    env: ({ namespace }) => ({
      KEPTN_DATA_DIR: '/data/config',
      KEPTN_API_TOKEN: token,
      KEPTN_CREDENTIALS_NAMESPACE: namespace,
    }),
    resources: { cpu: '50m', memory: '160Mi', limit: '640Mi' },
    asksApiServer: true,
    volume: { path: '/data/config', size: ({ spec }) => spec.configurationService },
    reached: [{ ports: [8080], from: 'parts' }, metrics],
  },
  {
    name: 'mongodb-datastore',
    service: http('mongodb-datastore', 8080, 8080),
    health: { ...own, port: 8080 },
    env: (installation) => ({ ...natsEnv(installation), ...mongodbEnv(installation) }),
    resources: { cpu: '50m', memory: '128Mi', limit: '512Mi' },
    rolling: true,
    reached: [{ ports: [8080], from: 'parts' }, metrics],
  },
  {
    name: 'eventbroker',
    service: http(services.eventbroker, 80, 8080),
    health: own,
    env: (installation) => ({
      ...natsEnv(installation),
      ...(installation.spec.nats.url === undefined && {
        KEPTN_STREAM_REPLICAS: String(installation.spec.nats.replicas),
      }),
    }),
    resources: small,
    several: true,
    reached: [{ ports: [8080], from: 'anywhere' }, metrics],
  },
  {
    name: 'api-service',
    service: {
      name: services.api,
      ports: [
        { name: 'http', port: 8080, targetPort: 8080 },
        { name: 'https', port: 8443, targetPort: 8443 },
      ],
    },
    health: { ...own, port: 8080 },
    env: (installation) => ({
      ...natsEnv(installation),
      SECRET_TOKEN: token,
      KEPTN_TLS_PORT: '8443',
      KEPTN_DATA_DIR: '/tmp',
      KEPTN_NAMESPACE: installation.namespace,
      EVENTBROKER_URI: places.EVENTBROKER,
      CONFIGURATION_URI: places.CONFIGURATION_SERVICE,
      DATASTORE_URI: places.MONGODB_DATASTORE,
    }),
    resources: { cpu: '50m', memory: '192Mi', limit: '512Mi' },
    rolling: true,
    asksApiServer: true,
    reached: [{ ports: [8080, 8443], from: 'anywhere' }, metrics],
  },
  {
    name: 'bridge',
    service: http('bridge', 8080, 3000),
    health: { port: 3000, live: '/healthz', ready: '/healthz' },
    env: ({ spec }) => ({
      API_URI: places.API,
      SECRET_TOKEN: token,
      PORT: '3000',
      ...(spec.domain !== undefined && { BRIDGE_URL: `https://bridge.keptn.${spec.domain}` }),
    }),
    optionalSecret: 'bridge-credentials',
    resources: small,
    several: true,
    reached: [{ ports: [3000], from: 'anywhere' }, metrics],
  },
  { ...service, name: 'shipyard-service' },
  {
    ...service,
    name: 'lighthouse-service',
    env: (installation) => ({ ...worker(installation), KEPTN_NAMESPACE: installation.namespace }),
    resources: { cpu: '20m', memory: '160Mi', limit: '512Mi' },
    asksApiServer: true,
  },
  {
    ...service,
    name: 'prometheus-service',
    env: (installation) => ({
      ...worker(installation),
      KEPTN_NAMESPACE: installation.namespace,
      EVENTBROKER: `http://${services.eventbroker}.${installation.namespace}.svc/keptn`,
    }),
    resources: { cpu: '20m', memory: '160Mi', limit: '512Mi' },
    asksApiServer: true,
  },
  {
    ...service,
    name: 'helm-service',
    useCases: ['continuous-delivery', 'continuous-operations'],
    env: (installation) => ({
      ...worker(installation),
      HELM_VERSION: installation.spec.helm.version,
      ...(installation.spec.helm.version === 'v2' && tillerEnv(installation)),
      KEPTN_GATEWAY: installation.spec.ingress.gateway,
      APP_DOMAIN: installation.spec.domain ?? '',
      HOME: '/tmp',
    }),
    resources: { cpu: '50m', memory: '256Mi', limit: '1Gi' },
    // Two at once would change one release side by side.
    rolling: false,
    asksApiServer: true,
  },
  { ...service, name: 'gatekeeper-service', useCases: ['continuous-delivery'] },
  {
    ...service,
    name: 'jmeter-service',
    useCases: ['continuous-delivery'],
    env: (installation) => ({ ...worker(installation), HOME: '/tmp' }),
    resources: { cpu: '50m', memory: '128Mi', limit: '1Gi' },
  },
  { ...service, name: 'wait-service', useCases: ['continuous-delivery', 'continuous-operations'] },
  {
    ...service,
    name: 'remediation-service',
    useCases: ['continuous-operations'],
    optionalSecret: 'unleash',
  },
];

/** Those that the use cases of an installation need, without what is put in their place. */
export function partsOf({ spec }: Pick<Installation, 'spec'>): Part[] {
  const replaced = new Set(spec.services?.map(({ name }) => name));
  return parts.filter(
    ({ name, useCases }) =>
      !replaced.has(name) && (!useCases || useCases.some((useCase) => spec.useCases.includes(useCase))),
  );
}
