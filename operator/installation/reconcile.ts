/** Keptn, the installation: its objects are as its spec says, what is there besides goes, and the status tells how it is. */
import type { V1Pod } from '@kubernetes/client-node';
import { KeptnError, Terminal, Transient } from '../../lib/errors/classes.ts';
import { componentsOf } from '../../lib/installation/desired.ts';
import { PART_OF, type Component, type Installation, type KubeObject } from '../../lib/installation/installation.ts';
import { OPERATOR } from '../../lib/installation/operator.ts';
import { keptnSchema, type Keptn } from '../../lib/model/keptn.ts';
import { FINALIZER } from '../../lib/model/kind.ts';
import { holds } from '../../lib/model/status.ts';
import type { Ref } from '../../lib/model/object.ts';
import type { Logger } from '../../lib/observe/log.ts';
import { nameOfObject } from '../../lib/resources/kube-object.ts';
import type { ObjectClient } from '../../lib/resources/kubernetes/objects.ts';
import type { OperatorWrites } from '../../lib/resources/kubernetes/operator-writes.ts';
import { faultPoint } from '../fault-point.ts';
import { labelSelector, madeIn, type Applier } from './apply.ts';
import type { Istio } from './istio.ts';
import { statusOf, type Findings } from './report.ts';
import { ensureSecrets, madeSecrets, secretOf } from './secrets.ts';
import { imageOf, ingressOf } from './surroundings.ts';
import { healthOf, isReady, type Health, type Workload } from './workloads.ts';

export interface InstallationParts {
  /** The operator's own: an installation is made nowhere else. */
  namespace: string;
  /** Of the parts, where neither the spec nor the operator's Deployment says it. */
  image: string | undefined;
  objects: ObjectClient;
  applier: Applier;
  writes: OperatorWrites;
  /** A Deployment or StatefulSet of the installation. */
  workload(kind: string, ref: Ref): Workload | undefined;
  pods(): Promise<V1Pod[]>;
  istio: Pick<Istio, 'reconcile' | 'remove'>;
  log: Logger;
}

const PLURAL = 'keptns';
const CLAIM = { apiVersion: 'v1', kind: 'PersistentVolumeClaim' };
const isWorkload = ({ kind }: KubeObject): boolean => kind === 'Deployment' || kind === 'StatefulSet';

/** Gives back whether all is as declared; what is not is looked at again soon. Rejects with `Transient` alone. */
export async function reconcile(parts: InstallationParts, keptn: Keptn): Promise<'settled' | 'unsettled' | 'gone'> {
  if (keptn.metadata.deletionTimestamp !== undefined) return remove(parts, keptn);
  if (keptn.spec.suspend) return 'settled';
  try {
    requireOwnNamespace(parts, keptn);
    const marked = await mark(parts, keptn);
    const installation = await installationOf(parts, marked);
    const components = componentsOf(installation);
    const failures = await applyAll(parts, components);
    faultPoint('Keptn/applied');
    if (failures.size === 0) await prune(parts, components);
    const healths = await healthsOf(parts, components, failures);
    const istio = await parts.istio.reconcile(marked.spec, installation.ingress);
    return await report(parts, marked, { installation, healths: istio ? [...healths, istio] : healths });
  } catch (error) {
    if (!(error instanceof KeptnError)) throw error;
    if (!(error instanceof Transient)) return report(parts, keptn, { error });
    // What was ready is not unready for a moment's trouble, which is not told then.
    if (!holds(keptn, 'Ready')) await report(parts, keptn, { error }).catch(() => undefined);
    throw error;
  }
}

function requireOwnNamespace({ namespace }: InstallationParts, { metadata }: Keptn): void {
  if (metadata.namespace === namespace) return;
  throw new Terminal(
    'Forbidden',
    `the operator makes installations in its own namespace: delete this object, and declare it in ${namespace}`,
  );
}

/** Before the first object: its deletion waits until they are gone. */
async function mark({ writes }: InstallationParts, keptn: Keptn): Promise<Keptn> {
  const finalizers = keptn.metadata.finalizers ?? [];
  if (finalizers.includes(FINALIZER)) return keptn;
  return keptnSchema.parse(await writes.finalizers(PLURAL, keptn, [...finalizers, FINALIZER]));
}

async function installationOf(parts: InstallationParts, { spec }: Keptn): Promise<Installation> {
  const { namespace, objects } = parts;
  return {
    namespace,
    spec,
    image: imageOf(spec, parts.workload('Deployment', { namespace, name: OPERATOR }), parts.image),
    ingress: await ingressOf(spec, objects),
    secretsDigest: await ensureSecrets(objects, namespace, spec),
  };
}

/** One that is refused keeps none of the others from being brought about. */
async function applyAll(parts: InstallationParts, components: readonly Component[]): Promise<Map<string, Terminal>> {
  const failures = new Map<string, Terminal>();
  for (const { name, objects } of components) {
    try {
      for (const object of objects) await parts.applier.apply(object, seenOf(parts, object));
    } catch (error) {
      if (!(error instanceof Terminal)) throw error;
      parts.log.warn({ component: name, reason: error.message }, 'the API server refuses a component');
      failures.set(name, error);
    }
  }
  return failures;
}

function seenOf(parts: InstallationParts, object: KubeObject): { workload: Workload | undefined } | undefined {
  const { name, namespace = parts.namespace } = object.metadata;
  return isWorkload(object) ? { workload: parts.workload(object.kind, { namespace, name }) } : undefined;
}

async function prune({ applier, namespace, log }: InstallationParts, components: readonly Component[]): Promise<void> {
  const wanted = new Set(components.flatMap(({ objects }) => objects.map(nameOfObject)));
  for (const object of await applier.surplus(namespace, wanted)) {
    log.info({ object: nameOfObject(object) }, 'is not part of the installation any more');
    await applier.remove(object);
  }
}

async function healthsOf(
  parts: InstallationParts,
  components: readonly Component[],
  failures: ReadonlyMap<string, Terminal>,
): Promise<Health[]> {
  const found = components.map((component) => {
    const object = component.objects.find(isWorkload);
    const workload = object && seenOf(parts, object)?.workload;
    return { component, object, workload: workload && parts.applier.isSeen(object, workload) ? workload : undefined };
  });
  // Pods are asked for only while something is amiss.
  const isSound = found.every(({ object, workload }) => !object || (workload && isReady(workload)));
  const pods = isSound ? [] : await parts.pods();
  return found.map(({ component: { name, note }, object, workload }) => {
    const failure = failures.get(name);
    if (failure) return { component: name, status: 'False', reason: failure.code, message: failure.message };
    if (object) return healthOf(name, workload, pods);
    return { component: name, status: 'True', reason: 'Applied', message: note ?? 'as declared' };
  });
}

async function report(
  parts: InstallationParts,
  keptn: Keptn,
  findings: Exclude<Findings, { deleting: unknown }>,
): Promise<'settled' | 'unsettled'> {
  const { status, note } = statusOf(keptn, findings);
  if (status) await parts.writes.status(PLURAL, keptn, status);
  if (note) void parts.writes.note(keptn, note);
  if ('error' in findings) return findings.error instanceof Terminal ? 'settled' : 'unsettled';
  return findings.healths.every((health) => health.status === 'True') ? 'settled' : 'unsettled';
}

/** What keeps data stays, unless deletionPolicy says otherwise. */
async function remove(parts: InstallationParts, keptn: Keptn): Promise<'unsettled' | 'gone'> {
  const { objects, writes, namespace } = parts;
  const finalizers = keptn.metadata.finalizers ?? [];
  if (!finalizers.includes(FINALIZER)) return 'gone';
  if (keptn.metadata.namespace === namespace) {
    const left = [...(await madeIn(objects, namespace)), ...(await dataOf(parts, keptn))];
    for (const object of left) await parts.applier.remove(object);
    const deleting = [...left.map(nameOfObject), ...(await istioOf(parts, keptn))];
    if (deleting.length > 0) {
      const { status } = statusOf(keptn, { deleting });
      if (status) await writes.status(PLURAL, keptn, status).catch(() => undefined);
      return 'unsettled';
    }
  }
  await writes.finalizers(
    PLURAL,
    keptn,
    finalizers.filter((one) => one !== FINALIZER),
  );
  return 'gone';
}

/** Without the rights to remove it, it stays: a deletion waits for no person. */
async function istioOf({ istio, writes, log }: InstallationParts, keptn: Keptn): Promise<string[]> {
  if (keptn.spec.deletionPolicy === 'Retain') return [];
  const left = await istio.remove();
  if (left?.reason !== 'NotPermitted') return left ? [`Istio (${left.message})`] : [];
  log.warn({ component: left.component }, left.message);
  void writes.note(keptn, { type: 'Warning', reason: left.reason, message: left.message });
  return [];
}

/** Volumes, token and passwords, where they are to be deleted. */
export async function dataOf(
  { objects, namespace }: Pick<InstallationParts, 'objects' | 'namespace'>,
  { spec }: Pick<Keptn, 'spec'>,
): Promise<KubeObject[]> {
  if (spec.deletionPolicy === 'Retain') return [];
  const claims = await objects.list(CLAIM, namespace, labelSelector(PART_OF));
  const secrets = await Promise.all(madeSecrets.map(({ name }) => objects.read(secretOf(namespace, name))));
  return [...claims, ...secrets.filter((secret) => secret !== undefined)];
}
