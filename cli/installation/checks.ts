/** Checks before an installation: what would keep it from coming up, and what to do about it. Nothing is changed. */
import { lookup } from 'node:dns/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { AuthorizationV1Api } from '@kubernetes/client-node';
import { z } from 'zod';
import { messageOf } from '../../lib/errors/classes.ts';
import { versionOf } from '../../lib/installation/installation.ts';
import { API_VERSION, VERSION } from '../../lib/model/kind.ts';
import { Caller } from '../../lib/resources/kubernetes/calls.ts';
import { pluralOf } from '../../lib/resources/kubernetes/plain-objects.ts';
import type { Cluster } from '../cluster.ts';
import type { Finding } from '../findings.ts';
import { objectsOf, type Plan } from './plan.ts';

/** Rules in custom resource definitions are there for good since it. */
const OLDEST_MINOR = 29;
const DNS_MS = 5_000;
const DEFAULT_CLASS = 'storageclass.kubernetes.io/is-default-class';

type Said = Pick<Finding, 'said'> & { state?: Finding['state'] };
type Check = (cluster: Cluster, plan: Plan) => Promise<Said>;
const wrong = (said: string): Said => ({ said, state: 'wrong' });
const doubtful = (said: string): Said => ({ said, state: 'doubtful' });

const checks: Readonly<Record<string, Check>> = {
  cluster,
  installation,
  kinds,
  permissions,
  storage,
  ingress,
  domain,
};

/** All of them, whatever the others find. */
export function check(toCluster: Cluster, plan: Plan): Promise<Finding[]> {
  return Promise.all(
    Object.entries(checks).map(async ([name, look]): Promise<Finding> => {
      try {
        const { said, state = 'fine' } = await look(toCluster, plan);
        return { check: name, state, said };
      } catch (error) {
        return { check: name, state: 'wrong', said: messageOf(error) };
      }
    }),
  );
}

async function cluster({ context, server, version }: Cluster): Promise<Said> {
  const minor = Number(/^v1\.(\d+)/.exec(version)?.[1]);
  const found = `Kubernetes ${version}, context ${context}, ${server}`;
  return minor < OLDEST_MINOR ? wrong(`${found}: 1.${OLDEST_MINOR} or newer is needed`) : { said: found };
}

async function installation(toCluster: Cluster, { before, image, unknown }: Plan): Promise<Said> {
  if (unknown !== undefined) return wrong(unknown);
  const { namespace } = toCluster;
  const all = await toCluster.plain.list({ apiVersion: API_VERSION, kind: 'Keptn' });
  const other = all.find(({ metadata }) => metadata.namespace !== namespace);
  if (other) {
    const where = other.metadata.namespace;
    return wrong(`there is one in namespace ${where} already, and a cluster has one: --namespace=${where} changes it`);
  }
  if (before === undefined) return { said: `none yet; ${versionOf(image)} is going to be in namespace ${namespace}` };
  if (before.keptn?.metadata.deletionTimestamp !== undefined) {
    return wrong(`the one in ${namespace} is being deleted: keptn uninstall shows how far it is; then install again`);
  }
  if (before.image === undefined) {
    return doubtful(`there is a Keptn object in ${namespace}, and no operator: it is going to get one`);
  }
  const [is, becomes] = [versionOf(before.image), versionOf(image)];
  if (before.image === image) return { said: `${is} in namespace ${namespace}` };
  if (isOlder(becomes, is)) {
    return doubtful(`${is} in namespace ${namespace} becomes ${becomes}, which is older: --image names another`);
  }
  return { said: `${is} in namespace ${namespace} becomes ${becomes}` };
}

/** Of versions such as 0.6.2; others are not compared. */
function isOlder(one: string, other: string): boolean {
  const [a, b] = [one, other].map((version) => /^v?(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number));
  if (!a || !b) return false;
  const at = a.findIndex((part, n) => part !== b[n]);
  return at >= 0 && (a[at] ?? 0) < (b[at] ?? 0);
}

const definitionSchema = z.object({
  status: z.object({ storedVersions: z.array(z.string()).default([]) }).default({ storedVersions: [] }),
});

async function kinds({ objects }: Cluster, { definitions }: Plan): Promise<Said> {
  const found = await Promise.all(definitions.map((object) => objects.read(object)));
  const there = found.filter((object) => object !== undefined);
  for (const object of there) {
    const newer = definitionSchema.parse(object).status.storedVersions.filter((version) => version !== VERSION);
    if (newer.length === 0) continue;
    return wrong(
      `${object.metadata.name} has objects of ${newer.join(', ')}, and this command line knows ${VERSION}: use the newer one`,
    );
  }
  return { said: there.length === 0 ? 'none of Keptn yet' : `${there.length} of ${definitions.length} are there` };
}

async function permissions(toCluster: Cluster, plan: Plan): Promise<Said> {
  const api = toCluster.config.makeApiClient(AuthorizationV1Api);
  const caller = new Caller();
  const kindsOf = new Map(objectsOf(plan).map((object) => [`${object.apiVersion} ${object.kind}`, object]));
  const asked = [...kindsOf.values()].flatMap(({ apiVersion, kind, metadata: { namespace } }) =>
    ['get', 'create', 'patch'].map((verb) => ({
      verb,
      group: apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '',
      resource: pluralOf(kind),
      namespace,
    })),
  );
  const denied = await Promise.all(
    asked.map(async ({ verb, group, resource, namespace }) => {
      const resourceAttributes = { verb, group, resource, ...(namespace !== undefined && { namespace }) };
      const { status } = await caller.call('cannot ask for permissions', (options) =>
        api.createSelfSubjectAccessReview({ body: { spec: { resourceAttributes } } }, options),
      );
      return status?.allowed === true ? [] : [`${verb} ${resource}${group && `.${group}`}`];
    }),
  );
  const missing = denied.flat();
  if (missing.length > 0) {
    return wrong(`you may not ${missing.join(', ')}: ask for the role cluster-admin, or use a context that has it`);
  }
  for (const role of plan.operator.filter(({ kind }) => kind === 'ClusterRole')) {
    try {
      await toCluster.plain.rehearse(role);
    } catch (error) {
      return wrong(
        `you may not give rights that you do not have (${messageOf(error).slice(0, 300)}): ask for cluster-admin`,
      );
    }
  }
  return { said: 'you may make all that is needed' };
}

async function storage({ objects, namespace }: Cluster, { spec }: Plan): Promise<Said> {
  const { nats, mongodb, configurationService } = spec;
  const volumes = [
    ...(nats.url === undefined ? [{ field: 'nats', claim: 'data-keptn-nats-cluster-0', of: nats }] : []),
    ...(mongodb.uriRef === undefined ? [{ field: 'mongodb', claim: 'data-mongodb-0', of: mongodb }] : []),
    { field: 'configurationService', claim: 'configuration-service-data', of: configurationService },
  ];
  const claims = await Promise.all(
    volumes.map(({ claim }) =>
      objects.read({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: claim, namespace } }),
    ),
  );
  // A volume that is there keeps its class.
  const needed = volumes.filter((_volume, n) => claims[n] === undefined);
  const classes = await objects.list({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass' }, undefined, '');
  const names = classes.map(({ metadata }) => metadata.name);
  const known = names.length === 0 ? 'there is none' : `there are ${names.join(', ')}`;
  for (const {
    field,
    of: { storageClassName: name },
  } of needed) {
    if (name === undefined || names.includes(name)) continue;
    return wrong(`spec.${field}.storageClassName: there is no StorageClass ${name}; ${known}`);
  }
  if (needed.every(({ of: volume }) => volume.storageClassName !== undefined)) {
    return { said: needed.length === 0 ? 'the volumes are there' : 'the StorageClasses are there' };
  }
  const byDefault = classes.find(({ metadata }) => metadata.annotations?.[DEFAULT_CLASS] === 'true');
  if (byDefault) return { said: `volumes of ${byDefault.metadata.name}, the default StorageClass` };
  const mark = `kubectl annotate storageclass <name> ${DEFAULT_CLASS}=true`;
  return wrong(
    `there is no default StorageClass, so volumes stay pending (${known}): --storage-class=<name>, or ${mark}`,
  );
}

async function ingress({ objects }: Cluster, { spec }: Plan): Promise<Said> {
  const definition = (name: string) =>
    objects.read({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name } });
  const [istio, gateway, classes] = await Promise.all([
    definition('virtualservices.networking.istio.io'),
    definition('httproutes.gateway.networking.k8s.io'),
    objects.list({ apiVersion: 'networking.k8s.io/v1', kind: 'IngressClass' }, undefined, ''),
  ]);
  const there = { Istio: istio !== undefined, Gateway: gateway !== undefined, Ingress: classes.length > 0, None: true };
  const { type } = spec.ingress;
  if (type !== undefined && !there[type]) {
    return wrong(`spec.ingress.type is ${type}, which the cluster does not have: install it first, or take another`);
  }
  const chosen = type ?? (there.Istio ? 'Istio' : there.Ingress ? 'Ingress' : 'None');
  const mesh = there.Istio ? 'Istio is there' : 'Istio is not there: services are delivered without a mesh';
  if (chosen === 'None' && type === undefined && spec.domain !== undefined) {
    return doubtful(`nothing in the cluster takes requests for ${spec.domain}: install Istio or an ingress controller`);
  }
  return { said: `${chosen === 'None' ? 'no way in from outside' : `by ${chosen}`}; ${mesh}` };
}

async function domain(_cluster: Cluster, { spec }: Plan): Promise<Said> {
  if (spec.domain === undefined) return { said: 'none: the Bridge and the api are reached by kubectl port-forward' };
  return resolved(spec.domain);
}

/** Whether DNS knows where the public hosts are. */
export async function resolved(domainName: string): Promise<Said> {
  const host = `api.keptn.${domainName}`;
  try {
    const { address } = await soon(lookup(host));
    return { said: `${host} is ${address}` };
  } catch (error) {
    const next = `let *.keptn.${domainName} be the address of the ingress`;
    return doubtful(`DNS does not know ${host} (${messageOf(error)}): ${next}`);
  }
}

/** A lookup has no deadline of its own. */
async function soon<T>(work: Promise<T>): Promise<T> {
  const late = sleep(DNS_MS, undefined, { ref: false }).then((): never => {
    throw new Error(`no answer within ${DNS_MS / 1000} s`);
  });
  return Promise.race([work, late]);
}
