/** Service: a folder on the branch of every stage, the event of its creation, and the delivery of its artifact. */
import { entering } from '../lib/delivery/by-hand.ts';
import { Waiting } from '../lib/errors/classes.ts';
import { eventTypes } from '../lib/events/event.ts';
import { nameOf, type Stored } from '../lib/model/object.ts';
import { isChart } from '../lib/model/resource.ts';
import { helmStrategy, shipyardStages } from '../lib/model/shipyard.ts';
import { keptnName } from '../lib/model/stage.ts';
import { holds } from '../lib/model/status.ts';
import { announce, announcementOf, digestOf } from './announce.ts';
import { control } from './control.ts';
import type { Reconciler, Reconciliation } from './reconciliation.ts';
import {
  addFinalizer,
  branchesOf,
  causeOf,
  claim,
  dropFinalizer,
  isDeleted,
  keepsContent,
  lastingProject,
  requireProject,
  requireStage,
  stageNames,
  suspended,
} from './steps.ts';

/** How long the chart of a new service must be quiet before its first delivery. */
const SETTLE_MS = 2_000;

type Run = Reconciliation<'Service'>;

async function folders(run: Run): Promise<void> {
  const project = requireProject(run);
  const { object, parts } = run;
  const stages = stageNames(parts.store.objects, project);
  if (stages.length === 0)
    throw new Waiting('StageNotReady', `waiting for a stage: Project ${object.spec.project} has none yet`);
  run.status.branches = [];
  for (const stage of stages) {
    requireStage(run, project, stage);
    await parts.configuration.ensureService(object.spec.project, stage, keptnName(object), causeOf(run));
    run.status.branches.push({ name: stage });
  }
  run.reached.set('Synced', { reason: 'Committed', message: `folder ${keptnName(object)} is in ${stages.join(', ')}` });
}

/** The stages of the service's project with their strategies, as service.create tells them. */
function deploymentStrategies(run: Run): Record<string, 'direct' | 'duplicate'> {
  const { object, parts } = run;
  const project = requireProject(run);
  const declared = object.spec.deploymentStrategies ?? {};
  const stages = shipyardStages(
    project,
    parts.store.objects.ofProject('Stage', object.metadata.namespace, object.spec.project),
  );
  return Object.fromEntries(
    stages.map((stage) => [stage.name, declared[stage.name] ?? declared['*'] ?? helmStrategy(stage)]),
  );
}

async function announceService(run: Run): Promise<void> {
  const { object } = run;
  // The chart is in Git already, by its Resources; the event carries one only when the CLI onboards.
  const data = {
    project: object.spec.project,
    service: keptnName(object),
    helmChart: '',
    deploymentStrategies: deploymentStrategies(run),
  };
  await announce(run, { type: eventTypes.serviceCreate, digest: 'created', data });
  run.reached.set('Announced', { reason: 'Published', message: 'service.create is published' });
}

function chartResources({ object, parts }: Pick<Run, 'object' | 'parts'>): Stored<'Resource'>[] {
  return parts.store.objects
    .ofProject('Resource', object.metadata.namespace, object.spec.project)
    .filter(
      (resource) => resource.spec.service === keptnName(object) && isChart(resource.spec) && !isDeleted(resource),
    );
}

/** Chart Resources of the service that are declared and not in Git yet: a delivery must not meet half a chart. */
function pendingCharts(run: Run): Stored<'Resource'>[] {
  return chartResources(run).filter((resource) => !resource.spec.suspend && !holds(resource, 'Synced'));
}

/** Milliseconds until the first delivery may begin: the objects of one `kubectl apply` come one after another. */
function settling({ object, parts }: Run): number {
  const charts = chartResources({ object, parts });
  const newest = Math.max(...[object, ...charts].map(({ metadata }) => Date.parse(metadata.creationTimestamp)));
  // Timestamps have whole seconds, and clocks differ: never longer than the time itself.
  return Math.min(SETTLE_MS, newest + SETTLE_MS - Date.now());
}

async function deliver(run: Run): Promise<void> {
  const { object } = run;
  const image = object.spec.artifact?.image;
  if (image === undefined) return;
  const pending = pendingCharts(run);
  if (pending[0]) {
    const more = pending.length > 1 ? ` and ${pending.length - 1} more` : '';
    throw new Waiting('ChartNotReady', `waiting for ${nameOf(pending[0])}${more} of the chart to be in Git`);
  }
  const wait = announcementOf(run, eventTypes.configurationChange) ? 0 : settling(run);
  if (wait > 0) {
    run.againAfterMs = wait;
    throw new Waiting(
      'ChartNotReady',
      'waiting a moment for the chart: the objects of one apply come one after another',
    );
  }
  const stage = run.status.branches?.[0]?.name ?? '';
  const event = entering({ project: object.spec.project, service: keptnName(object), stage }, image);
  await announce(run, { ...event, digest: digestOf(image) });
  run.reached.set('Announced', { reason: 'Published', message: `delivery of ${image} is published` });
}

async function removeFolders(run: Run): Promise<void> {
  const { object, parts } = run;
  const project = lastingProject(run);
  if (keepsContent(run) || !project) return;
  for (const stage of branchesOf(run, project)) {
    await parts.configuration.remove(
      { project: project.metadata.name, stage, service: keptnName(object) },
      causeOf(run),
    );
  }
}

export const serviceReconciler: Reconciler<'Service'> = {
  kind: 'Service',
  steps: [
    suspended(),
    claim(),
    addFinalizer(),
    { name: 'commit', condition: 'Synced', run: folders },
    { name: 'announce', condition: 'Announced', run: announceService },
    { name: 'deliver', condition: 'Announced', run: deliver },
    { name: 'control', condition: 'Announced', run: control },
  ],
  finalize: [{ name: 'remove-folders', condition: 'Synced', run: removeFolders }, dropFinalizer()],
};
