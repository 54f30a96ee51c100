/** Resource: a file in Git at project, stage or service level; a change of a chart in delivery is announced. */
import { Terminal, Waiting } from '../lib/errors/classes.ts';
import { eventTypes } from '../lib/events/event.ts';
import { MAIN_BRANCH, MAX_CONTENT_BYTES } from '../lib/model/names.ts';
import type { Stored } from '../lib/model/object.ts';
import { isChart } from '../lib/model/resource.ts';
import { keptnName } from '../lib/model/stage.ts';
import { acknowledge, announce, announceDeletion, announcementOf, digestOf } from './announce.ts';
import type { Place } from '../lib/configuration/client.ts';
import type { Reconciler, Reconciliation } from './reconciliation.ts';
import {
  addFinalizer,
  branchesOf,
  causeOf,
  claim,
  dropFinalizer,
  isDeleted,
  isOf,
  keepsContent,
  lastingProject,
  requireProject,
  requireStage,
  stageNames,
  suspended,
} from './steps.ts';

type Run = Reconciliation<'Resource'>;

/** How often content behind a reference is read again. */
const REFERENCE_MS = 60_000;
/** Above this a file's text is left out of its event: receivers read it from Git. */
const MAX_EVENT_TEXT = 256 * 1024;

/** The places that the resource's file has, in the order of promotion; waits until each exists. */
function places(run: Run): Place[] {
  const project = requireProject(run);
  const { stage, service } = run.object.spec;
  const name = project.metadata.name;
  if (stage === undefined && service === undefined) return [{ project: name }];
  const stages = stage === undefined ? stageNames(run.parts.store.objects, project) : [stage];
  if (stages.length === 0) throw new Waiting('StageNotReady', `waiting for a stage: Project ${name} has none yet`);
  for (const needed of stages) requireStage(run, project, needed);
  if (service === undefined) return stages.map((each) => ({ project: name, stage: each }));
  requireService(run, project, service, stages);
  return stages
    .filter((each) => stage !== undefined || !overridden(run, each))
    .map((each) => ({ project: name, stage: each, service }));
}

function serviceObjects({ object, parts }: Run): Stored<'Service'>[] {
  const { project, service } = object.spec;
  return parts.store.objects
    .ofProject('Service', object.metadata.namespace, project)
    .filter((found) => keptnName(found) === service);
}

function requireService(run: Run, project: Stored<'Project'>, service: string, stages: readonly string[]): void {
  const found = serviceObjects(run).filter((object) => !isDeleted(object));
  if (found.length === 0)
    throw new Waiting(
      'ServiceNotReady',
      `waiting for Service ${service}: there is none in Project ${run.object.spec.project}`,
    );
  const missing = stages.filter(
    (stage) =>
      !found.some(
        (object) => isOf(object, project) && object.status?.branches?.some((branch) => branch.name === stage),
      ),
  );
  if (missing.length > 0)
    throw new Waiting(
      'ServiceNotReady',
      `waiting for Service ${service}: its folder is not in ${missing.join(', ')} yet`,
    );
}

/** A Resource of one stage stands over the default for every stage. */
function overridden({ object, parts }: Run, stage: string): boolean {
  const { project, service, uri } = object.spec;
  return parts.store.objects
    .ofProject('Resource', object.metadata.namespace, project)
    .some(
      ({ spec, metadata }) =>
        spec.stage === stage && spec.service === service && spec.uri === uri && !metadata.deletionTimestamp,
    );
}

async function content(run: Run): Promise<Uint8Array> {
  const { text, base64, configMapRef, secretRef } = run.object.spec;
  if (text !== undefined) return Buffer.from(text);
  if (base64 !== undefined) return Buffer.from(base64, 'base64');
  const kind = configMapRef ? 'ConfigMap' : 'Secret';
  const reference = configMapRef ?? secretRef;
  if (!reference) throw new Terminal('InvalidField', 'spec: one of text, base64, configMapRef, secretRef must be set');
  run.againAfterMs = REFERENCE_MS;
  const value = await run.parts.store.readValue({ kind, namespace: run.object.metadata.namespace, ...reference });
  if (value) return value;
  throw new Waiting(
    'ReferenceMissing',
    `waiting for key ${reference.key} of ${kind} ${run.object.metadata.namespace}/${reference.name}`,
  );
}

async function validate(run: Run): Promise<void> {
  const { stage, service, uri } = run.object.spec;
  const projectLevel = stage === undefined && service === undefined;
  if (uri === 'metadata.yaml' || (projectLevel && uri === 'shipyard.yaml')) {
    const writer = uri === 'metadata.yaml' ? 'the configuration-service' : 'the Project (spec.shipyard or its Stages)';
    throw new Terminal('ReservedUri', `spec.uri: ${uri} is written by ${writer}; choose another`);
  }
}

async function commit(run: Run): Promise<void> {
  const { object, parts } = run;
  const where = places(run);
  const bytes = await content(run);
  if (bytes.length > MAX_CONTENT_BYTES)
    throw new Terminal('TooLarge', `the content has ${bytes.length} bytes, ${MAX_CONTENT_BYTES} are allowed`);
  const digest = digestOf(bytes);
  const unchanged = run.status.digest === digest;
  const written: NonNullable<typeof run.status.branches> = [];
  for (const place of where) {
    const name = place.stage ?? MAIN_BRANCH;
    const known = unchanged ? run.status.branches?.find((branch) => branch.name === name) : undefined;
    // A delivery writes into the chart too (its image): what is there stays until the declaration changes.
    if (known && isChart(object.spec) && (await parts.configuration.has(place, object.spec.uri))) {
      written.push(known);
      continue;
    }
    const head = await parts.configuration.write(place, object.spec.uri, bytes, causeOf(run));
    // The answer is the head of the branch, which others move on.
    written.push({ name, commit: known?.commit ?? head });
  }
  run.status.digest = digest;
  run.status.commit = written[0]?.commit ?? '';
  run.status.branches = written;
  const on = written.map((branch) => branch.name).join(', ');
  run.reached.set('Synced', {
    reason: 'Committed',
    message: `${object.spec.uri} is in Git on ${on || 'no branch: each stage has its own'}`,
  });
}

/**
 * True once the service's artifact is being announced: before that, its chart is being put together. The marker counts,
 * not the proof: between the two the event may be out, and a change of the chart must not pass for part of it.
 */
function inDelivery(run: Run): boolean {
  return serviceObjects(run).some(
    (service) =>
      !isDeleted(service) &&
      service.status?.projectUid === run.status.projectUid &&
      service.status?.announced?.some(({ type }) => type === eventTypes.configurationChange),
  );
}

function changeOf(run: Run, text: string | undefined): Record<string, unknown> {
  const { project, service, stage, uri } = run.object.spec;
  const file = uri.slice(`helm/${service ?? ''}/`.length);
  const told =
    text !== undefined &&
    uri.startsWith(`helm/${service ?? ''}/`) &&
    (file === 'values.yaml' || file.startsWith('templates/'));
  return {
    project,
    service,
    stage: stage ?? run.status.branches?.[0]?.name ?? '',
    ...(told && { fileChangesUserChart: { [file]: text } }),
    labels: null,
  };
}

async function announceChart(run: Run): Promise<void> {
  const { object, status } = run;
  if (!isChart(object.spec) || status.digest === undefined) return;
  const type = eventTypes.configurationChange;
  if (!inDelivery(run)) {
    acknowledge(run, type, status.digest);
    return;
  }
  const known = announcementOf(run, type);
  // Known without an event: it was part of the chart that the first delivery took.
  if (known && !known.id && known.digest === status.digest) return;
  const bytes = await content(run);
  const text = bytes.length <= MAX_EVENT_TEXT ? Buffer.from(bytes).toString() : undefined;
  const extensions = status.commit ? { gitcommitid: status.commit } : undefined;
  await announce(run, { type, digest: status.digest, data: changeOf(run, text), ...(extensions && { extensions }) });
  run.reached.set('Announced', { reason: 'Published', message: 'the change of the chart is published' });
}

async function removeFile(run: Run): Promise<void> {
  const { object, parts } = run;
  const lasting = lastingProject(run);
  if (keepsContent(run) || !lasting) return;
  const { project, stage, service, uri } = object.spec;
  if (stage === undefined && service === undefined)
    return parts.configuration.removeResource({ project }, uri, causeOf(run));
  const branches = stage === undefined ? branchesOf(run, lasting).filter((each) => !overridden(run, each)) : [stage];
  for (const each of branches) {
    await parts.configuration.removeResource({ project, stage: each, ...(service && { service }) }, uri, causeOf(run));
  }
}

async function announceRemoval(run: Run): Promise<void> {
  const { object } = run;
  if (keepsContent(run) || !isChart(object.spec) || !inDelivery(run)) return;
  if (!lastingProject(run)) return;
  await announceDeletion(run, eventTypes.configurationChange, changeOf(run, undefined));
}

export const resourceReconciler: Reconciler<'Resource'> = {
  kind: 'Resource',
  steps: [
    suspended(),
    claim(),
    { name: 'validate', condition: 'Synced', run: validate },
    addFinalizer(),
    { name: 'commit', condition: 'Synced', run: commit },
    { name: 'announce', condition: 'Announced', run: announceChart },
  ],
  finalize: [
    { name: 'remove-file', condition: 'Synced', run: removeFile },
    { name: 'announce-removal', condition: 'Announced', run: announceRemoval },
    dropFinalizer(),
  ],
};
