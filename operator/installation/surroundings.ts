/** What an installation follows from beside its spec: the operator's own image, and what the cluster has. */
import { Terminal } from '../../lib/errors/classes.ts';
import type { IngressType } from '../../lib/installation/installation.ts';
import type { KeptnSpec } from '../../lib/model/keptn.ts';
import type { ObjectClient } from '../../lib/resources/kubernetes/objects.ts';
import type { Workload } from './workloads.ts';

const ISTIO = { apiVersion: 'networking.istio.io/v1beta1', kind: 'VirtualService' };
const INGRESS_CLASS = { apiVersion: 'networking.k8s.io/v1', kind: 'IngressClass' };

/** `own`: the operator's Deployment, where it runs in one; `given`: by its settings. */
export function imageOf(spec: KeptnSpec, own: Workload | undefined, given: string | undefined): string {
  const image = spec.image ?? given ?? own?.spec.template.spec.containers[0]?.image;
  if (image !== undefined) return image;
  throw new Terminal(
    'InvalidField',
    'spec.image must be given: the operator does not run in a Deployment whose image the parts could have',
  );
}

export async function ingressOf({ ingress }: KeptnSpec, objects: ObjectClient): Promise<IngressType> {
  if (ingress.type) return ingress.type;
  if (await objects.knows(ISTIO)) return 'Istio';
  return (await objects.list(INGRESS_CLASS)).length > 0 ? 'Ingress' : 'None';
}
