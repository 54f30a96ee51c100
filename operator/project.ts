/** Project: a repository, its Stage objects where spec.shipyard lists them, shipyard.yaml, and the event. */
import { isDeepStrictEqual } from 'node:util';
import { Terminal, Waiting } from '../lib/errors/classes.ts';
import { eventTypes } from '../lib/events/event.ts';
import { nameOf, type Spec, type Stored } from '../lib/model/object.ts';
import { shipyardStages, shipyardYaml } from '../lib/model/shipyard.ts';
import { announce, announceDeletion, digestOf } from './announce.ts';
import type { Reconciler, Reconciliation, Step } from './reconciliation.ts';
import { addFinalizer, causeOf, claim, dropFinalizer, isDeleted, keepsContent, suspended } from './steps.ts';

type Run = Reconciliation<'Project'>;

/** True for a Stage that the operator made of spec.shipyard. */
export function isOwned(stage: Stored<'Stage'>, project: Stored<'Project'>): boolean {
  return (stage.metadata.ownerReferences ?? []).some((owner) => owner.uid === project.metadata.uid);
}

function stagesOf({ object, parts }: Run): Stored<'Stage'>[] {
  return parts.store.objects.ofProject('Stage', object.metadata.namespace, object.metadata.name);
}

/** Brings the owned Stage objects in line with spec.shipyard. */
async function ownStages(run: Run): Promise<void> {
  const { object: project, parts } = run;
  const { name: projectName, namespace } = project.metadata;
  const existing = stagesOf(run);
  const desired = (project.spec.shipyard?.stages ?? []).map((stage, order): [string, Spec<'Stage'>] => [
    `${projectName}-${stage.name}`,
    {
      project: projectName,
      name: stage.name,
      order,
      deploymentStrategy: stage.deployment_strategy,
      ...(stage.test_strategy && { testStrategy: stage.test_strategy }),
      ...(stage.remediation_strategy && { remediationStrategy: stage.remediation_strategy }),
      deletionPolicy: project.spec.deletionPolicy,
    },
  ]);
  for (const stage of existing) {
    const kept = desired.some(([name]) => name === stage.metadata.name);
    if (isOwned(stage, project) && !kept && !isDeleted(stage)) await parts.store.remove(stage);
  }
  for (const [name, spec] of desired) {
    const current = parts.store.objects.get('Stage', { namespace, name });
    if (current && !isOwned(current, project)) {
      throw new Terminal(
        'Conflict',
        `${nameOf(current)} was not made from spec.shipyard; delete it, or remove spec.shipyard`,
      );
    }
    if (current && isDeleted(current))
      throw new Waiting('StageNotReady', `waiting for the former ${nameOf(current)} to be gone`);
    if (current && isDeepStrictEqual(current.spec, spec)) continue;
    await parts.store.apply({ kind: 'Stage', metadata: { namespace, name, owner: project }, spec });
  }
}

async function repository(run: Run): Promise<void> {
  await run.parts.configuration.ensureProject(run.object.metadata.name, causeOf(run));
}

async function shipyard(run: Run): Promise<void> {
  const stages = shipyardStages(run.object, stagesOf(run));
  run.status.stageOrder = stages.map((stage) => stage.name).join(', ');
  const place = { project: run.object.metadata.name };
  const yaml = shipyardYaml(stages);
  const head = await run.parts.configuration.write(place, 'shipyard.yaml', Buffer.from(yaml), causeOf(run));
  const digest = digestOf(yaml);
  // The answer is the head of the branch, which others move on.
  if (run.status.digest !== digest || run.status.commit === undefined) run.status.commit = head;
  run.status.digest = digest;
  const what = stages.length === 0 ? 'no stages yet: declare some' : `stages ${run.status.stageOrder}`;
  run.reached.set('Synced', { reason: 'Committed', message: `repository and shipyard.yaml are in Git, ${what}` });
}

async function announceProject(run: Run): Promise<void> {
  const { name } = run.object.metadata;
  const yaml = shipyardYaml(shipyardStages(run.object, stagesOf(run)));
  // One creation, one event: a later change of the stages has no event in Keptn.
  const data = { project: name, shipyard: Buffer.from(yaml).toString('base64') };
  await announce(run, { type: eventTypes.projectCreate, digest: 'created', data });
  run.reached.set('Announced', { reason: 'Published', message: 'project.create is published' });
}

/** The Stages go first: their finalizers must not meet a project that is made anew under the same name. */
async function removeStages(run: Run): Promise<void> {
  const owned = stagesOf(run).filter((stage) => isOwned(stage, run.object));
  for (const stage of owned) if (!isDeleted(stage)) await run.parts.store.remove(stage);
  const left = stagesOf(run).filter((stage) => isOwned(stage, run.object));
  if (left.length > 0) throw new Waiting('StageNotReady', `waiting for ${left.map(nameOf).join(', ')} to be gone`);
}

async function removeRepository(run: Run): Promise<void> {
  if (keepsContent(run)) return;
  await run.parts.configuration.remove({ project: run.object.metadata.name }, causeOf(run));
}

async function announceRemoval(run: Run): Promise<void> {
  // A project that stays in Git is not deleted for those who listen: they would delete it.
  if (keepsContent(run)) return;
  await announceDeletion(run, eventTypes.projectDelete, { project: run.object.metadata.name });
}

const step = (name: string, condition: Step<'Project'>['condition'], run: Step<'Project'>['run']): Step<'Project'> => ({
  name,
  condition,
  run,
});

export const projectReconciler: Reconciler<'Project'> = {
  kind: 'Project',
  steps: [
    suspended(),
    claim(),
    addFinalizer(),
    step('stages', 'Synced', ownStages),
    step('repository', 'Synced', repository),
    step('commit', 'Synced', shipyard),
    step('announce', 'Announced', announceProject),
  ],
  finalize: [
    step('remove-stages', 'Synced', removeStages),
    step('remove-repository', 'Synced', removeRepository),
    step('announce-removal', 'Announced', announceRemoval),
    dropFinalizer(),
  ],
};
