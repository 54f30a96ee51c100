/** Takes an installation away, in the order in which one needs the other: objects, Keptn, operator, kinds. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeObject } from '../../lib/installation/installation.ts';
import { OPERATOR, operatorObjects } from '../../lib/installation/operator.ts';
import { API_VERSION } from '../../lib/model/kind.ts';
import type { KeptnSpec } from '../../lib/model/keptn.ts';
import { madeIn } from '../../operator/installation/apply.ts';
import { dataOf } from '../../operator/installation/reconcile.ts';
import { requireYes } from '../ask.ts';
import type { Cluster } from '../cluster.ts';
import { CliError, MockEnd } from '../errors.ts';
import type { Output } from '../output.ts';
import { definitions, keptnObject } from './desired.ts';
import { declaredIn, readOperator } from './present.ts';

const LOOK_MS = 500;

export interface Uninstall {
  /** Volumes, token and passwords too. */
  deleteData: boolean;
  /** Every object of ours too, and their kinds. */
  all: boolean;
  /** Without the operator. */
  force: boolean;
  yes: boolean;
  mock: boolean;
  timeoutMs: number;
}

interface Task extends Uninstall {
  cluster: Cluster;
  output: Output;
  end: number;
}

export async function runUninstall(cluster: Cluster, wanted: Uninstall, output: Output): Promise<void> {
  const [found, operator] = await Promise.all([cluster.keptn.read(), readOperator(cluster)]);
  const declared = await declaredIn(cluster);
  const { namespace, context } = cluster;
  if (!found && !operator && !(wanted.all && declared.length > 0)) {
    return output.line('INFO', `there is no Keptn in namespace ${namespace} of ${context}`);
  }
  if (wanted.mock) throw new MockEnd('DELETE', `Keptn ${namespace}/keptn`, undefined);
  await requireYes(questionFor(cluster, wanted, declared.length), wanted.yes);
  const task = { ...wanted, cluster, output, end: Date.now() + wanted.timeoutMs };
  if (!wanted.force && found && !operator) {
    throw new CliError('failed', `there is no operator, which has to do it: ${hint(cluster)}`);
  }
  if (!wanted.force && operator && operator.health.status !== 'True') {
    output.line('WARN', `the operator does not run (${operator.health.message}): ${hint(cluster)}`);
  }
  // Whoever removes by hand has nobody put it back meanwhile.
  if (wanted.force) await removeOperator(task);
  if (wanted.all) await removeDeclared(task, declared);
  if (wanted.force) await removeMade(task, found?.keptn.spec);
  if (found) await removeKeptn(task, found.keptn.spec.deletionPolicy);
  if (!wanted.force) await removeOperator(task);
  await removeKinds(task);
  output.line('INFO', `Keptn is removed from namespace ${namespace} of ${context}`);
  const kept = wanted.deleteData ? '' : ' with volumes, token and passwords';
  output.line('INFO', `namespace ${namespace} is kept${kept}: kubectl delete namespace ${namespace} removes it`);
}

function questionFor({ namespace, context, server }: Cluster, { deleteData, all }: Uninstall, count: number): string {
  const data = deleteData ? ' with all its data: volumes, token and passwords' : '';
  const objects = all ? ` It deletes all ${count} objects of every project too, and their kinds.` : '';
  return `Remove Keptn from namespace ${namespace} of ${context} (${server})${data}?${objects}`;
}

async function removeDeclared(task: Task, declared: readonly KubeObject[]): Promise<void> {
  const { cluster, output } = task;
  for (const object of declared) await removeObject(task, object);
  await gone(task, async () => {
    const left = await declaredIn(cluster);
    return left.length === 0 ? undefined : `${left.length} objects of projects are left`;
  });
  if (declared.length > 0) output.line('INFO', `${declared.length} objects of projects are deleted`);
}

async function removeKeptn(task: Task, policy: 'Retain' | 'Delete'): Promise<void> {
  const { cluster, output, deleteData } = task;
  const wanted = deleteData ? 'Delete' : 'Retain';
  const object = keptnObject(cluster.namespace, { deletionPolicy: wanted });
  if (policy !== wanted) await cluster.keptn.change(object.spec);
  await removeObject(task, object);
  await gone(task, async () => {
    const found = await cluster.keptn.read();
    if (!found) return undefined;
    const ready = found.keptn.status?.conditions?.find(({ type }) => type === 'Ready');
    return ready?.message ?? 'the operator has not begun';
  });
  output.line('INFO', `Keptn ${cluster.namespace}/keptn is deleted`);
}

/** What the operator would do. */
async function removeMade({ cluster, output, deleteData }: Task, spec: KeptnSpec | undefined): Promise<void> {
  const { objects, namespace } = cluster;
  const deletionPolicy = deleteData ? 'Delete' : 'Retain';
  const data = spec ? await dataOf(cluster, { spec: { ...spec, deletionPolicy } }) : [];
  const made = [...(await madeIn(objects, namespace)), ...data];
  for (const object of made) await objects.remove(object);
  output.line('INFO', `${made.length} objects of the installation are deleted`);
}

/** With --force nobody is waited for: finalizers are taken away, which nobody can add to what is being deleted. */
async function removeObject({ cluster, force }: Task, object: KubeObject): Promise<void> {
  const { objects, plain } = cluster;
  await objects.remove(object);
  const left = force ? await objects.read(object) : undefined;
  if (left?.metadata.finalizers?.length) await plain.merge(object, { metadata: { finalizers: null } });
}

/** Looks until `left` says that nothing is; tells what it says whenever that changes. */
async function gone({ cluster, output, end }: Task, left: () => Promise<string | undefined>): Promise<void> {
  for (let told = ''; ; await sleep(LOOK_MS)) {
    const said = await left();
    if (said === undefined) return;
    if (Date.now() > end) throw new CliError('timeout', `not done in time: ${said}: ${hint(cluster)}`);
    if (said !== told) output.line('INFO', said);
    told = said;
  }
}

const hint = ({ namespace }: Cluster): string =>
  `kubectl get pods -n ${namespace} -l app.kubernetes.io/name=${OPERATOR} says why, and keptn uninstall --force does without it`;

async function removeOperator({ cluster, output }: Task): Promise<void> {
  const { namespace, objects } = cluster;
  const own = operatorObjects({ namespace, image: '' }).filter(({ kind }) => kind !== 'Namespace');
  // The Deployment first: it needs the rest.
  for (const object of own.reverse()) await objects.remove(object);
  output.line('INFO', 'the operator is deleted');
}

/** Where objects are left, so are their kinds: with the kinds they would go. */
async function removeKinds(task: Task): Promise<void> {
  const { cluster, output } = task;
  const left = [
    ...(await declaredIn(cluster)),
    ...(await cluster.plain.list({ apiVersion: API_VERSION, kind: 'Keptn' })),
  ];
  if (left.length > 0) {
    output.line('INFO', `${left.length} objects are kept, and so are their kinds: --all deletes them`);
    return;
  }
  for (const definition of await definitions()) await cluster.objects.remove(definition);
  output.line('INFO', 'the kinds are deleted');
}
