/** Stage: a branch of its project's repository. */
import { Terminal } from '../lib/errors/classes.ts';
import { keptnName } from '../lib/model/stage.ts';
import { isOwned } from './project.ts';
import type { Reconciler, Reconciliation } from './reconciliation.ts';
import {
  addFinalizer,
  causeOf,
  claim,
  dropFinalizer,
  keepsContent,
  lastingProject,
  requireProject,
  suspended,
} from './steps.ts';

type Run = Reconciliation<'Stage'>;

async function inShipyard(run: Run): Promise<void> {
  const project = requireProject(run);
  if (!project.spec.shipyard || isOwned(run.object, project)) return;
  const name = keptnName(run.object);
  const what = `Project ${project.metadata.name} lists its stages in spec.shipyard`;
  throw new Terminal(
    'StageNotInShipyard',
    `${what}: declare stage ${name} there and delete this object, or remove spec.shipyard`,
  );
}

async function branch(run: Run): Promise<void> {
  const { object, parts } = run;
  await parts.configuration.ensureStage(object.spec.project, keptnName(object), causeOf(run));
  run.reached.set('Synced', { reason: 'Branched', message: `branch ${keptnName(object)} is in Git` });
}

async function removeBranch(run: Run): Promise<void> {
  const { object, parts } = run;
  if (keepsContent(run) || !lastingProject(run)) return;
  await parts.configuration.remove({ project: object.spec.project, stage: keptnName(object) }, causeOf(run));
}

export const stageReconciler: Reconciler<'Stage'> = {
  kind: 'Stage',
  steps: [
    suspended(),
    claim(),
    { name: 'shipyard', condition: 'Synced', run: inShipyard },
    addFinalizer(),
    { name: 'commit', condition: 'Synced', run: branch },
  ],
  finalize: [{ name: 'remove-branch', condition: 'Synced', run: removeBranch }, dropFinalizer()],
};
