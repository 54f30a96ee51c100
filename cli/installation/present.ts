/** What a cluster has beside the Keptn object: the operator, and objects of projects. */
import { CoreV1Api } from '@kubernetes/client-node';
import { selectorOf } from '../../lib/installation/installation.ts';
import { OPERATOR } from '../../lib/installation/operator.ts';
import { API_VERSION } from '../../lib/model/kind.ts';
import { kindNames } from '../../lib/model/object.ts';
import { Caller } from '../../lib/resources/kubernetes/calls.ts';
import { labelSelector } from '../../operator/installation/apply.ts';
import { healthOf, workloadSchema, type Health } from '../../operator/installation/workloads.ts';
import type { Cluster } from '../cluster.ts';

export interface Operator {
  image: string;
  health: Health;
}

/** The operator's Deployment, and how its pods are; undefined where there is none. */
export async function readOperator({ config, objects, namespace }: Cluster): Promise<Operator | undefined> {
  const ref = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: OPERATOR, namespace } };
  const found = await objects.read(ref);
  if (found === undefined) return undefined;
  const workload = workloadSchema.parse(found);
  const core = config.makeApiClient(CoreV1Api);
  const request = { namespace, labelSelector: labelSelector(selectorOf(OPERATOR)) };
  const pods = await new Caller().call('cannot list pods', (options) => core.listNamespacedPod(request, options));
  const image = workload.spec.template.spec.containers[0]?.image ?? '';
  return { image, health: healthOf(OPERATOR, workload, pods.items) };
}

/** Objects of our kinds in all namespaces, but installations. */
export async function declaredIn({ plain }: Cluster) {
  const lists = await Promise.all(
    kindNames.map(async (kind) => {
      const ref = { apiVersion: API_VERSION, kind };
      const found = await plain.list(ref);
      return found.map(({ metadata: { name, namespace } }) => ({ ...ref, metadata: { name, namespace } }));
    }),
  );
  return lists.flat();
}
