/**
 * Brings the objects of an installation about, and takes away what belongs to it no more. What was applied is remembered for
 * a while, in memory alone: after a restart everything is applied once more, which changes nothing.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { MANAGED, type KubeObject } from '../../lib/installation/installation.ts';
import { type KindRef, nameOfObject } from '../../lib/resources/kube-object.ts';
import type { ObjectClient } from '../../lib/resources/kubernetes/objects.ts';
import type { Workload } from './workloads.ts';

/** What nobody watches is put back within this time. */
export const AGAIN_MS = 60_000;

interface Applied {
  digest: string;
  uid: string | undefined;
  generation: number | undefined;
  at: number;
}

export class Applier {
  readonly #objects: ObjectClient;
  readonly #applied = new Map<string, Applied>();
  #looked = { wanted: '', at: 0 };

  constructor(objects: ObjectClient) {
    this.#objects = objects;
  }

  /** `seen`: the workload of this name as it is now; undefined for kinds that are not watched. */
  async apply(object: KubeObject, seen: { workload: Workload | undefined } | undefined): Promise<void> {
    const key = nameOfObject(object);
    const digest = createHash('sha256').update(JSON.stringify(object)).digest('hex');
    const before = this.#applied.get(key);
    if (before?.digest === digest && Date.now() - before.at < AGAIN_MS && isAsApplied(before, seen)) return;
    const { metadata } = await this.#objects.apply(object);
    this.#applied.set(key, { digest, uid: metadata.uid, generation: metadata.generation, at: Date.now() });
  }

  /** False while what was applied last is not seen yet, or somebody has changed it. */
  isSeen(object: KubeObject, workload: Workload): boolean {
    const applied = this.#applied.get(nameOfObject(object));
    return applied !== undefined && isAsApplied(applied, { workload });
  }

  /** What is there of it beside `wanted`; asked for when that has changed, and now and then. */
  async surplus(namespace: string, wanted: ReadonlySet<string>): Promise<KubeObject[]> {
    const digest = [...wanted].join();
    if (this.#looked.wanted === digest && Date.now() - this.#looked.at < AGAIN_MS) return [];
    const found = (await madeIn(this.#objects, namespace)).filter((object) => !wanted.has(nameOfObject(object)));
    this.#looked = { wanted: digest, at: found.length > 0 ? 0 : Date.now() };
    return found;
  }

  async remove(object: KubeObject): Promise<void> {
    this.#applied.delete(nameOfObject(object));
    if (object.metadata.deletionTimestamp === undefined) await this.#objects.remove(object);
  }
}

function isAsApplied({ uid, generation }: Applied, seen: { workload: Workload | undefined } | undefined): boolean {
  if (!seen) return true;
  return seen.workload?.metadata.uid === uid && seen.workload?.metadata.generation === generation;
}

/** All kinds that an installation may have, but those that keep data. */
const inside: readonly KindRef[] = [
  { apiVersion: 'apps/v1', kind: 'Deployment' },
  { apiVersion: 'apps/v1', kind: 'StatefulSet' },
  { apiVersion: 'v1', kind: 'Service' },
  { apiVersion: 'v1', kind: 'ConfigMap' },
  { apiVersion: 'v1', kind: 'ServiceAccount' },
  { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget' },
  { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' },
  { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress' },
  { apiVersion: 'networking.istio.io/v1beta1', kind: 'VirtualService' },
  { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute' },
];
/** Those may be for ServiceAccounts of ours anywhere. */
const bindings: readonly KindRef[] = [
  { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding' },
  { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding' },
];

const bound = z.object({ subjects: z.array(z.object({ namespace: z.string().optional() })).min(1) });

/** What the operator made in this namespace and for it. */
export async function madeIn(objects: ObjectClient, namespace: string): Promise<KubeObject[]> {
  const selector = labelSelector(MANAGED);
  const found: KubeObject[] = [];
  for (const kind of inside) found.push(...(await objects.list(kind, namespace, selector)));
  for (const kind of bindings) {
    const all = await objects.list(kind, undefined, selector);
    found.push(
      ...all.filter((object) => {
        const { data } = bound.safeParse(object);
        return data?.subjects.every((subject) => subject.namespace === namespace);
      }),
    );
  }
  return found;
}

export const labelSelector = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join();
