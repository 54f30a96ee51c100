/** Steps and questions that several kinds share. */
import { Terminal, Waiting } from '../lib/errors/classes.ts';
import type { Cause } from '../lib/http/cause.ts';
import { FINALIZER } from '../lib/model/kind.ts';
import { nameOf, type Kind, type Stored } from '../lib/model/object.ts';
import { shipyardStages } from '../lib/model/shipyard.ts';
import { keptnName } from '../lib/model/stage.ts';
import { findCondition } from '../lib/model/status.ts';
import { contextOf } from '../lib/model/keptn-context.ts';
import type { Reconciliation, Step } from './reconciliation.ts';

/** Leaves a suspended object alone. */
export function suspended<K extends Kind>(): Step<K> {
  return {
    name: 'suspended',
    condition: 'Synced',
    run: async ({ object }) => (object.spec.suspend ? 'stop' : undefined),
  };
}

/** Of several objects that declare one thing, only the oldest goes on. */
export function claim<K extends Kind>(): Step<K> {
  return {
    name: 'claim',
    condition: 'Synced',
    run: async ({ object, parts }) => {
      const first = parts.store.objects.claimants(object)[0];
      if (first && first.metadata.uid !== object.metadata.uid) {
        throw new Terminal('Conflict', `${nameOf(first)} declares the same and is older; delete one of the two`);
      }
    },
  };
}

/** Marks the object before the first side effect, so that its deletion waits for the clean-up. */
export function addFinalizer<K extends Kind>(): Step<K> {
  return {
    name: 'finalizer',
    condition: 'Synced',
    run: async (run) => {
      const finalizers = run.object.metadata.finalizers ?? [];
      if (finalizers.includes(FINALIZER)) return;
      run.object = await run.parts.store.setFinalizers(run.object, [...finalizers, FINALIZER]);
    },
  };
}

/** Lets a deleted object go. */
export function dropFinalizer<K extends Kind>(): Step<K> {
  return {
    name: 'drop-finalizer',
    condition: 'Synced',
    run: async (run) => {
      const rest = (run.object.metadata.finalizers ?? []).filter((name) => name !== FINALIZER);
      run.object = await run.parts.store.setFinalizers(run.object, rest);
      return 'stop';
    },
  };
}

/**
 * True when a deleted object leaves Git alone: it says so, or another object declares the same and takes over, or its
 * whole project goes and takes the content with it.
 */
export function keepsContent<K extends Kind>({ object, parts }: Reconciliation<K>): boolean {
  if (object.spec.deletionPolicy === 'Retain') return true;
  return parts.store.objects
    .claimants(object)
    .some((other) => other.metadata.uid !== object.metadata.uid && !isDeleted(other));
}

export function isDeleted(object: Stored): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}

/** True when it is in Git, in whatever generation: what builds on it need not wait for its changes. */
function isSynced(object: Stored): boolean {
  return findCondition(object.status, 'Synced')?.status === 'True';
}

/** True when the object's status speaks of this project. */
export function isOf(object: Stored, project: Stored<'Project'>): boolean {
  return object.status?.projectUid === project.metadata.uid;
}

/** The Project of an object while its content can be removed: not when it is gone, or goes and takes all with it. */
export function lastingProject({
  object,
  parts,
}: Reconciliation<'Stage' | 'Service' | 'Resource'>): Stored<'Project'> | undefined {
  const { namespace } = object.metadata;
  const found = parts.store.objects.get('Project', { namespace, name: object.spec.project });
  return found && !(isDeleted(found) && found.spec.deletionPolicy === 'Delete') ? found : undefined;
}

/**
 * The Project of an object once its repository is there. What the object knows of an earlier project of that name is
 * forgotten: nothing of it is in Git any more, and nobody was told of this one's.
 */
export function requireProject<K extends 'Stage' | 'Service' | 'Resource'>(run: Reconciliation<K>): Stored<'Project'> {
  const { object, parts } = run;
  const { project } = object.spec;
  const found = parts.store.objects.get('Project', { namespace: object.metadata.namespace, name: project });
  if (!found)
    throw new Waiting(
      'ProjectNotReady',
      `waiting for Project ${project}: there is none in namespace ${object.metadata.namespace}`,
    );
  if (isDeleted(found)) throw new Waiting('ProjectNotReady', `waiting for Project ${project}: it is being deleted`);
  if (!isSynced(found)) throw new Waiting('ProjectNotReady', `waiting for Project ${project}: it is not in Git yet`);
  const { uid } = found.metadata;
  if (run.status.projectUid !== uid) run.status = { projectUid: uid };
  run.context = contextOf(object, uid);
  return found;
}

/** The names of a project's stages in the order of promotion. */
export function stageNames(
  objects: Reconciliation<Kind>['parts']['store']['objects'],
  project: Stored<'Project'>,
): string[] {
  const { namespace, name } = project.metadata;
  return shipyardStages(project, objects.ofProject('Stage', namespace, name)).map((stage) => stage.name);
}

/** Where an object in every stage may be: as recorded, and as declared, since a crash may come between the two. */
export function branchesOf(run: Reconciliation<'Service' | 'Resource'>, project: Stored<'Project'>): string[] {
  const recorded = (run.object.status?.branches ?? []).map((branch) => branch.name);
  return [...new Set([...recorded, ...stageNames(run.parts.store.objects, project)])];
}

/** Throws unless the Stage's branch is there. */
export function requireStage<K extends Kind>(
  { parts }: Reconciliation<K>,
  project: Stored<'Project'>,
  stage: string,
): void {
  const { namespace, name } = project.metadata;
  const found = parts.store.objects.ofProject('Stage', namespace, name).filter((object) => keptnName(object) === stage);
  if (found.some((object) => isSynced(object) && isOf(object, project) && !isDeleted(object))) return;
  const why = found.length === 0 ? 'there is none' : 'it is not in Git yet';
  throw new Waiting('StageNotReady', `waiting for stage ${stage} of Project ${name}: ${why}`);
}

/** What the commits of a run say of their cause. */
export function causeOf<K extends Kind>({ object, context }: Reconciliation<K>): Cause {
  const { namespace, name, uid, generation } = object.metadata;
  return { context, object: { kind: object.kind, namespace, name, uid, generation } };
}
