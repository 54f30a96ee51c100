/** Brings an installation about: kinds, operator, Keptn object. What is as it should be is left alone, so that again changes nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { KubeObject } from '../../lib/installation/installation.ts';
import type { Cluster } from '../cluster.ts';
import { CliError } from '../errors.ts';
import type { Output } from '../output.ts';
import type { Plan } from './plan.ts';

const LOOK_MS = 100;
const ESTABLISHED_MS = 60_000;

type Outcome = 'created' | 'changed' | 'unchanged';

export async function install(cluster: Cluster, plan: Plan, output: Output): Promise<Outcome> {
  const outcomes: Outcome[] = [];
  const bring = async (object: KubeObject, change: () => Promise<unknown>): Promise<void> => {
    const before = await cluster.objects.read(object);
    await change();
    const after = await cluster.objects.read(object);
    const isSame = before?.metadata.resourceVersion === after?.metadata.resourceVersion;
    const outcome = before === undefined ? 'created' : isSame ? 'unchanged' : 'changed';
    outcomes.push(outcome);
    if (outcome !== 'unchanged') output.line('INFO', `${object.kind} ${object.metadata.name} ${outcome}`);
  };
  for (const object of plan.definitions) await bring(object, () => cluster.plain.apply(object));
  await established(cluster, plan.definitions);
  for (const object of plan.operator) await bring(object, () => cluster.objects.apply(object));
  const { object, how } = plan.keptn;
  await bring(object, () => (how === 'apply' ? cluster.plain.apply(object) : cluster.keptn.change(object.spec)));
  if (outcomes.every((outcome) => outcome === 'unchanged')) return 'unchanged';
  return plan.before ? 'changed' : 'created';
}

const definitionSchema = z.object({
  status: z
    .object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]) })
    .default({ conditions: [] }),
});

/** Before that no object of the kind can be made. */
async function established({ objects }: Cluster, definitions: readonly KubeObject[]): Promise<void> {
  const end = Date.now() + ESTABLISHED_MS;
  for (const definition of definitions) {
    for (; ; await sleep(LOOK_MS)) {
      const { status } = definitionSchema.parse(await objects.read(definition));
      if (status.conditions.some(({ type, status: holds }) => type === 'Established' && holds === 'True')) break;
      if (Date.now() > end) {
        const { name } = definition.metadata;
        throw new CliError('timeout', `the API server does not serve ${name} yet: kubectl describe crd ${name}`);
      }
    }
  }
}
