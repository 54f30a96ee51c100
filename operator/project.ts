/** Project: a repository, its Stage objects where spec.shipyard lists them, shipyard.yaml, and the event. */
import { isDeepStrictEqual } from 'node:util';
import { Terminal, Waiting } from '../lib/errors/classes.ts';
import { eventTypes } from '../lib/events/event.ts';
import { nameOf, type Spec, type Stored } from '../lib/model/object.ts';
import { shipyardStages, shipyardYaml } from '../lib/model/shipyard.ts';
import { announce, announceDeletion, digestOf } from './announce.ts';
import type { Reconciler, Reconciliation, Step } from './reconciliation.ts';
import type { Upstream } from '../lib/configuration/client.ts';
import { tellGone } from './tell.ts';
import { addFinalizer, causeOf, claim, dropFinalizer, isDeleted, keepsContent, suspended } from './steps.ts';

type Run = Reconciliation<'Project'>;

const SHIPYARD = 'shipyard.yaml';
/** How often the token and the state of the upstream are looked at. */
const UPSTREAM_MS = 60_000;
/** The same while something is missing, or commits wait to be pushed. */
const UPSTREAM_PENDING_MS = 5000;

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
      ...(stage.approval_strategy && { approvalStrategy: stage.approval_strategy }),
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

/** The declared upstream with its token; null when one was declared before and is not any more. */
async function upstreamOf({ object, parts, status }: Run): Promise<Upstream | null | undefined> {
  const { upstream } = object.spec;
  if (!upstream) return status.upstream === undefined ? undefined : null;
  const { url, user, tokenRef } = upstream;
  const { namespace } = object.metadata;
  const token = await parts.store.readValue({ kind: 'Secret', namespace, ...tokenRef });
  if (token) return { url, user, token: Buffer.from(token).toString('utf8').trim() };
  throw new Waiting('ReferenceMissing', `waiting for key ${tokenRef.key} of Secret ${namespace}/${tokenRef.name}`);
}

async function repository(run: Run): Promise<void> {
  // Until the steps are through, what is missing is outside of what the operator watches.
  if (run.object.spec.upstream) run.againAfterMs = UPSTREAM_PENDING_MS;
  const upstream = await upstreamOf(run);
  await run.parts.configuration.ensureProject(run.object.metadata.name, upstream, causeOf(run));
  if (upstream) run.status.upstream = upstream.url;
  else if (upstream === null) delete run.status.upstream;
}

/** True when nobody has declared a stage, and the upstream has brought a shipyard.yaml: that one stays. */
async function hasForeignShipyard(run: Run, stages: readonly unknown[]): Promise<boolean> {
  if (stages.length > 0 || !run.object.spec.upstream || run.status.digest !== undefined) return false;
  return run.parts.configuration.has({ project: run.object.metadata.name }, SHIPYARD);
}

async function shipyard(run: Run): Promise<void> {
  const stages = shipyardStages(run.object, stagesOf(run));
  run.status.stageOrder = stages.map((stage) => stage.name).join(', ');
  if (await hasForeignShipyard(run, stages)) {
    const message = `repository is in Git with the upstream's ${SHIPYARD}, no stages yet: declare some`;
    run.reached.set('Synced', { reason: 'Committed', message });
    return;
  }
  const place = { project: run.object.metadata.name };
  const yaml = shipyardYaml(stages);
  const head = await run.parts.configuration.write(place, SHIPYARD, Buffer.from(yaml), causeOf(run));
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

/** Reports how the repository stands to its upstream; waits while that is wrong, so that Ready says so. */
async function followUpstream(run: Run): Promise<void> {
  if (!run.object.spec.upstream) return;
  const {
    state,
    code = 'Unavailable',
    message = '',
  } = await run.parts.configuration.upstream(run.object.metadata.name);
  if (state === 'Failed') throw new Waiting(code, message);
  if (state === 'Synced') run.againAfterMs = UPSTREAM_MS;
  run.reached.set('Upstream', {
    reason: state,
    message: message || `${run.status.upstream ?? 'the upstream'} has all`,
  });
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
  await tellGone(run.parts, run.object, run.context);
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
    step('upstream', 'Upstream', followUpstream),
  ],
  finalize: [
    step('remove-stages', 'Synced', removeStages),
    step('remove-repository', 'Synced', removeRepository),
    step('announce-removal', 'Announced', announceRemoval),
    dropFinalizer(),
  ],
};
