/**
 * Tells people what becomes of what they declare: log events in the keptn context of the object, which the command line
 * and the Bridge show. Best effort; what is told twice has one id.
 */
import { messageOf } from '../lib/errors/classes.ts';
import { idOf } from '../lib/events/id.ts';
import { logEvent, type LogLevel } from '../lib/events/log-event.ts';
import { contextOf } from '../lib/model/keptn-context.ts';
import type { Kind, Stored } from '../lib/model/object.ts';
import { shipyardStages } from '../lib/model/shipyard.ts';
import { keptnName } from '../lib/model/stage.ts';
import { findCondition, holds } from '../lib/model/status.ts';
import type { Parts } from './reconciliation.ts';

interface Line {
  /** Whose context, and part of the id. */
  about: Stored;
  context: string;
  message: string;
  level: LogLevel;
  /** Nothing more will be said. */
  last: boolean;
}

/** After the readiness of an object has changed, or a new generation is ready. */
export function tell<K extends Kind>(parts: Parts, object: Stored<K>, context: string): Promise<void> {
  return say(parts, linesOf(parts, object, context));
}

/** When all that was made of an object is gone. */
export function tellGone<K extends Kind>(parts: Parts, object: Stored<K>, context: string): Promise<void> {
  const message = `${object.kind} ${keptnNameOf(object)} deleted`;
  return say(parts, [{ about: object, context, message, level: 'INFO', last: true }]);
}

async function say(parts: Parts, lines: readonly Line[]): Promise<void> {
  for (const line of lines) {
    const { uid, generation } = line.about.metadata;
    const id = idOf(uid, generation, 'log', line.message);
    const event = logEvent({
      id,
      source: 'keptn-operator',
      cause: { id: '', shkeptncontext: line.context },
      message: line.message,
      loglevel: line.level,
      terminate: line.last,
    });
    try {
      await parts.bus.publish(event);
    } catch (error) {
      parts.log.debug({ keptnContext: line.context, reason: messageOf(error) }, 'a log event is lost');
    }
  }
}

function linesOf(parts: Parts, object: Stored, context: string): Line[] {
  const ready = findCondition(object.status, 'Ready');
  const what = `${object.kind} ${keptnNameOf(object)}`;
  const line = { about: object, context, level: 'INFO', last: false } as const;
  if (ready?.status !== 'True') {
    const isOver = findCondition(object.status, 'Stalled') !== undefined;
    // That an object waits for others of the same apply is nothing to tell.
    if (!isOver && object.kind !== 'Project') return [];
    const message = `${what}: ${ready?.message ?? 'is not ready'}`;
    return [{ ...line, message, level: isOver ? 'ERROR' : 'WARN', last: isOver }];
  }
  // There may be thousands, and nobody waits for one.
  if (object.kind === 'Resource') return [];
  const message = `${what} ${object.metadata.generation === 1 ? 'created' : 'changed'}`;
  if (isKind(object, 'Project')) return [{ ...line, message }, ...shipyardLine(parts, object)];
  if (isKind(object, 'Stage')) {
    const project = projectOf(parts, object);
    return project ? [{ ...line, context: contextOf(project), message }, ...shipyardLine(parts, project)] : [];
  }
  return [{ ...line, message, last: true }];
}

/** Once each stage of a project has its branch. */
function shipyardLine({ store }: Parts, project: Stored<'Project'>): Line[] {
  const { namespace, name } = project.metadata;
  const stages = store.objects.ofProject('Stage', namespace, name);
  const wanted = shipyardStages(project, stages);
  const done = wanted.every((stage) => stages.some((one) => keptnName(one) === stage.name && holds(one, 'Synced')));
  if (!done || !holds(project, 'Ready')) return [];
  const message = 'Shipyard successfully processed';
  return [{ about: project, context: contextOf(project), message, level: 'INFO', last: true }];
}

/** Of a Stage that the operator made of spec.shipyard: one by hand speaks in its own context. */
function projectOf({ store }: Parts, stage: Stored<'Stage'>): Stored<'Project'> | undefined {
  const { namespace } = stage.metadata;
  const project = store.objects.get('Project', { namespace, name: stage.spec.project });
  const isOwned = stage.metadata.ownerReferences?.some(({ uid }) => uid === project?.metadata.uid);
  return isOwned ? project : undefined;
}

function keptnNameOf(object: Stored): string {
  return isKind(object, 'Stage') || isKind(object, 'Service') ? keptnName(object) : object.metadata.name;
}

function isKind<K extends Kind>(object: Stored, kind: K): object is Stored<K> {
  return object.kind === kind;
}
