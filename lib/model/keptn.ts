/** The kind Keptn: the installation itself, one in the operator's namespace. */
import { z } from 'zod';
import { commonColumns, defineKind, valueReference } from './kind.ts';
import { metaSchema } from './object.ts';
import { dnsLabel } from './names.ts';
import { conditionSchema } from './status.ts';

export const useCases = ['continuous-delivery', 'quality-gates', 'continuous-operations'] as const;
export type UseCase = (typeof useCases)[number];

const quantity = z
  .string()
  .regex(/^[1-9][0-9]*(Mi|Gi|Ti)$/, 'must be a size such as 1Gi')
  .max(20);
const volume = (size: string) => ({
  storage: quantity
    .default(size)
    .describe(
      'Size of its volume, when it is made: what Kubernetes does not let be changed later, the condition tells.',
    ),
  storageClassName: z.string().min(1).max(253).optional().describe('Class of the volume; the default class without.'),
});
const image = z.string().min(1).max(512);
const environment = z.record(z.string().max(253), z.string().max(8192));

/** What a chart is told, as Helm has it. */
const chartValues = z.looseObject({}).meta({ 'x-kubernetes-preserve-unknown-fields': true }).optional();

const istio = z.object({
  install: z
    .boolean()
    .default(false)
    .describe(
      'True: Istio is installed by its Helm charts in istio-system, unless it is there already; the operator needs ' +
        'install/istio for that. False, later: what was installed stays as it is.',
    ),
  repository: z
    .string()
    .max(512)
    .regex(/^(https?:\/\/|oci:\/\/|\/)[^\s@]+$/, 'must begin with https://, http://, oci:// or /, and name no user')
    .default('https://istio-release.storage.googleapis.com/charts')
    .describe(
      'Where the charts base, istiod and gateway are: a Helm repository, a place in an OCI registry, or a folder of ' +
        'the operator that has base-VERSION.tgz and so on.',
    ),
  version: z
    .string()
    .max(63)
    .regex(/^[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.-]+)?$/, 'must be a version such as 1.30.3')
    .default('1.30.3')
    .describe('Of the three charts. Another one upgrades.'),
  values: z
    .object({
      base: chartValues,
      istiod: chartValues,
      gateway: chartValues.describe('Such as `{"service": {"type": "NodePort"}}`; the default is a LoadBalancer.'),
    })
    .optional()
    .describe('Values of the charts.'),
});
export type IstioSpec = z.output<typeof istio>;

const pluggedIn = z.object({
  name: dnsLabel.describe('Of its Deployment. The name of a part of ours puts it in its place.'),
  image: image.describe('Of the service, which takes CloudEvents by HTTP POST.'),
  topics: z
    .array(
      z
        .string()
        .regex(/^sh\.keptn\.[a-z0-9.*>-]+$/, 'must be a type below sh.keptn.')
        .max(253),
    )
    .min(1)
    .max(50)
    .describe('Types of the events that it gets, wildcards allowed.')
    .meta({ 'x-kubernetes-list-type': 'set' }),
  port: z.int().min(1).max(65_535).default(8080).describe('Where it listens.'),
  path: z.string().startsWith('/').max(253).default('/').describe('Where it takes events.'),
  env: environment.optional().describe('Its environment, beside the addresses that 0.6.2 gives to services.'),
});
export type PluggedIn = z.output<typeof pluggedIn>;

export const keptnDefinition = defineKind({
  kind: 'Keptn',
  plural: 'keptns',
  shortNames: ['kpt'],
  description:
    'An installation of Keptn, in the namespace of the operator: NATS, MongoDB, the core and the services of the use ' +
    'cases. What is changed here is changed there; what drifts is put back.',
  spec: z.object({
    useCases: z
      .array(z.enum(useCases))
      .min(1)
      .max(3)
      .default([...useCases])
      .describe('What it is for: which services there are.')
      // As a set, what is declared would be added to the default.
      .meta({ 'x-kubernetes-list-type': 'atomic' }),
    image: image
      .optional()
      .describe('Of all parts of ours. Without, the image of the operator itself, so that an upgrade is one change.'),
    imagePullSecrets: z.array(z.string().max(253)).max(10).optional().describe('Names of Secrets.'),
    replicas: z.int().min(1).max(5).default(1).describe('Of the parts that can be several: eventbroker and Bridge.'),
    domain: z
      .string()
      .max(253)
      .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'must be a DNS name in lower case')
      .optional()
      .describe('What public hosts end in: api.keptn.<domain>, bridge.keptn.<domain>, <service>.<stage>.<domain>.'),
    ingress: z
      .object({
        type: z
          .enum(['Istio', 'Ingress', 'Gateway', 'None'])
          .optional()
          .describe('Without: Istio where its kinds are installed, else Ingress where there is a class, else None.'),
        className: z.string().max(253).optional().describe('Of the Ingress; the default class without.'),
        gateway: z
          .string()
          .regex(/^[^/]+\/[^/]+$/, 'must be namespace/name')
          .default('istio-system/public-gateway')
          .describe('The Gateway for Istio and Gateway, as namespace/name.'),
        exposeBridge: z.boolean().default(true).describe('False: the Bridge has no public address, the api alone.'),
        tlsSecret: z
          .string()
          .max(253)
          .optional()
          .describe(
            'Secret with the certificate: of the Ingress, in this namespace; of public-gateway, in istio-system, where ' +
              'it is istio-ingressgateway-certs without.',
          ),
      })
      .prefault({})
      .describe('How the api and the Bridge are reached from outside.'),
    istio: istio.prefault({}).describe('The service mesh. Never installed unless it is asked for.'),
    nats: z
      .object({
        url: z
          .string()
          .regex(/^(nats|tls):\/\/./, 'must begin with nats:// or tls://')
          .optional()
          .describe('A NATS with JetStream that is there already; several with commas. None is installed then.'),
        image: image.default('docker.io/library/nats:2.12-alpine'),
        replicas: z.literal([1, 3, 5]).default(1).describe('Servers; with 3, events outlive the loss of one.'),
        ...volume('2Gi'),
      })
      .prefault({}),
    mongodb: z
      .object({
        uriRef: valueReference('Secret')
          .optional()
          .describe('The address of a MongoDB that is there already. None is installed then.'),
        image: image.default('docker.io/library/mongo:8.0'),
        ...volume('5Gi'),
      })
      .prefault({}),
    configurationService: z.object(volume('1Gi')).prefault({}),
    helm: z
      .object({
        version: z.enum(['v3', 'v2']).default('v3').describe('v2: helm 2.12 with a Tiller in this namespace.'),
        tillerImage: image.default('gcr.io/kubernetes-helm/tiller:v2.12.3'),
        namespaces: z
          .array(dnsLabel)
          .max(200)
          .default([])
          .describe('v2: the namespaces that Tiller may change, such as sockshop-dev; they have to be there.'),
      })
      .prefault({}),
    env: z
      .record(dnsLabel, environment)
      .optional()
      .describe('Further environment by part: `{"wait-service": {"WAIT_DURATION": "5m"}}`.'),
    services: z
      .array(pluggedIn)
      .max(100)
      .optional()
      .describe('Services of your own, each with a distributor that brings it events.')
      .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }),
    tracing: z
      .object({
        endpoint: z
          .url({ protocol: /^https?$/ })
          .max(512)
          .describe('Of a collector that takes OTLP over HTTP.'),
        ratio: z.number().min(0).max(1).default(1).describe('The share of keptn contexts that are traced.'),
      })
      .optional()
      .describe('Where all parts send their OpenTelemetry traces; the operator itself has it by its own environment.'),
    networkPolicies: z.boolean().default(true).describe('False: parts may be reached from anywhere in the cluster.'),
    deletionPolicy: z
      .enum(['Retain', 'Delete'])
      .default('Retain')
      .describe(
        'When the object is deleted: Retain keeps volumes, token and passwords, and Istio where the operator has ' +
          'installed it; Delete removes them too.',
      ),
    suspend: z.boolean().optional().describe('True: the operator leaves the installation alone.'),
  }),
  columns: [
    { name: 'Version', type: 'string', jsonPath: '.status.version' },
    { name: 'Components', type: 'string', jsonPath: '.status.components' },
    { name: 'URL', type: 'string', jsonPath: '.status.url' },
    ...commonColumns.filter(({ name }) => name !== 'Commit'),
  ],
  rules: [
    {
      field: 'metadata.name',
      cel: "self.metadata.name == 'keptn'",
      message: 'metadata.name must be keptn: there is one installation in a namespace',
      check: (object) => object.metadata.name === 'keptn',
    },
    {
      field: 'spec.domain',
      cel: "!has(self.spec.ingress) || !has(self.spec.ingress.type) || self.spec.ingress.type == 'None' || has(self.spec.domain)",
      message: 'spec.domain must be given where spec.ingress.type asks for public hosts',
      check: ({ spec: { ingress, domain } }) =>
        ingress.type === undefined || ingress.type === 'None' || domain !== undefined,
    },
    {
      field: 'spec.nats.replicas',
      cel: 'self.spec.nats.replicas == oldSelf.spec.nats.replicas',
      message: 'spec.nats.replicas cannot be changed: NATS forgets the events of a single server that joins a cluster',
      check: (object, previous) => previous === undefined || object.spec.nats.replicas === previous.spec.nats.replicas,
    },
    {
      field: 'spec.helm.namespaces',
      cel: "!has(self.spec.helm) || self.spec.helm.version == 'v3' || self.spec.helm.namespaces.size() > 0",
      message: 'spec.helm.namespaces must name the namespaces that Tiller may change, where helm.version is v2',
      check: (object) => object.spec.helm.version === 'v3' || object.spec.helm.namespaces.length > 0,
    },
  ],
  claim: (object) => object.metadata.name,
  project: () => '',
});

export const keptnStatusSchema = z.object({
  observedGeneration: z.int().optional().describe('The newest generation that was reconciled.'),
  version: z.string().optional().describe('Tag of the image that all parts run.'),
  components: z.string().optional().describe('Ready of wanted, such as 12/14.'),
  domain: z.string().optional().describe('What public hosts end in.'),
  url: z.string().optional().describe('Where the Bridge is.'),
  conditions: z
    .array(conditionSchema)
    .max(128)
    .optional()
    .describe('One a component, and Ready when all are.')
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] }),
});

export const keptnSchema = z.object({
  apiVersion: z.string(),
  kind: z.literal('Keptn'),
  metadata: metaSchema,
  spec: keptnDefinition.spec,
  status: keptnStatusSchema.optional().catch(undefined),
});
export type Keptn = z.output<typeof keptnSchema>;
export type KeptnSpec = Keptn['spec'];
export type KeptnStatus = z.output<typeof keptnStatusSchema>;
