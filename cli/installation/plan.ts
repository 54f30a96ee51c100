/** What `keptn install` is going to do to a cluster: what is asked for, and what is there. */
import { messageOf } from '../../lib/errors/classes.ts';
import type { KubeObject } from '../../lib/installation/installation.ts';
import { operatorObjects } from '../../lib/installation/operator.ts';
import type { Keptn, KeptnSpec } from '../../lib/model/keptn.ts';
import type { Cluster } from '../cluster.ts';
import { definitions, imageFor, keptnObject, merged, specOf, type Desired } from './desired.ts';
import { readOperator } from './present.ts';

export interface Plan {
  /** Of the operator. */
  image: string;
  definitions: KubeObject[];
  operator: KubeObject[];
  /** Applied as it is (of a file, or where there is none yet), or merged into the one that is there. */
  keptn: { object: ReturnType<typeof keptnObject>; how: 'apply' | 'merge' };
  /** With all defaults, as it is going to be. */
  spec: KeptnSpec;
  before?: { keptn?: Keptn; image?: string };
  /** Why nobody can tell what is there: a check says so. */
  unknown?: string;
}

export async function planFor(cluster: Cluster, desired: Desired): Promise<Plan> {
  const { namespace } = cluster;
  const { found, operator, unknown } = await look(cluster);
  const image = imageFor(desired, operator?.image);
  const { whole, changes } = desired;
  const how = whole || !found ? 'apply' : 'merge';
  const declared = how === 'apply' ? merged(whole ?? {}, changes) : changes;
  return {
    image,
    definitions: await definitions(),
    operator: operatorObjects({ namespace, image }),
    keptn: { object: keptnObject(namespace, declared), how },
    ...(unknown !== undefined && { unknown }),
    spec: specOf(whole ?? found?.declared ?? {}, changes),
    ...((found ?? operator) && {
      before: { ...(found && { keptn: found.keptn }), ...(operator && { image: operator.image }) },
    }),
  };
}

async function look(cluster: Cluster) {
  try {
    const [found, operator] = await Promise.all([cluster.keptn.read(), readOperator(cluster)]);
    return { found, operator };
  } catch (error) {
    return { unknown: messageOf(error) };
  }
}

/** All that is going to be applied. */
export const objectsOf = ({ definitions: kinds, operator, keptn }: Plan): KubeObject[] => [
  ...kinds,
  ...operator,
  keptn.object,
];
