/** Which objects to look at when one has changed: itself, those that wait for it, and those that it competes with. */
import type { Kind, Stored } from '../lib/model/object.ts';
import { keptnName } from '../lib/model/stage.ts';
import { findCondition, holds } from '../lib/model/status.ts';
import { controlAnnotations } from './control.ts';
import type { Change } from '../lib/resources/port.ts';
import type { ObjectView } from '../lib/resources/view.ts';

/** The operator's own writes change status and finalizers alone: they are no reason to reconcile the object again. */
export function concernsItself({ object, previous, deleted }: Change): boolean {
  if (deleted) return false;
  if (!previous) return true;
  const [now, before] = [object.metadata, previous.metadata];
  return (
    now.uid !== before.uid ||
    now.generation !== before.generation ||
    now.deletionTimestamp !== before.deletionTimestamp ||
    controlAnnotations.some((name) => now.annotations?.[name] !== before.annotations?.[name])
  );
}

function syncedChanged({ object, previous, deleted }: Change): boolean {
  const synced = (of: Stored | undefined): string | undefined => findCondition(of?.status, 'Synced')?.status;
  const branches = (of: Stored | undefined): string => (of?.status?.branches ?? []).map((branch) => branch.name).join();
  return deleted || synced(object) !== synced(previous) || branches(object) !== branches(previous);
}

export function dependentsOf(change: Change, view: ObjectView): Stored[] {
  const { object, previous, deleted } = change;
  const touched = deleted || concernsItself(change);
  const rivals = touched ? view.claimants(object).filter((other) => other.metadata.uid !== object.metadata.uid) : [];
  // An object moved to another claim only by being made anew under its name: the former's rivals wait as well.
  const former = previous && previous.metadata.uid !== object.metadata.uid ? view.claimants(previous) : [];
  return [...rivals, ...former, ...byKind(change, view, touched)];
}

function byKind(change: Change, view: ObjectView, touched: boolean): Stored[] {
  const { object, previous, deleted } = change;
  const { namespace } = object.metadata;
  const members = <K extends Kind>(kind: K, project: string): Stored<K>[] => view.ofProject(kind, namespace, project);
  const waiting = (other: Stored): boolean => !holds(other, 'Ready');
  switch (object.kind) {
    case 'Project': {
      if (!touched && !syncedChanged(change)) return [];
      const { name } = object.metadata;
      const all = [...members('Stage', name), ...members('Service', name), ...members('Resource', name)];
      const another = deleted || previous?.metadata.uid !== object.metadata.uid;
      return another ? all : all.filter(waiting);
    }
    case 'Stage': {
      const stage = as(object, 'Stage');
      const { project: name } = stage.spec;
      const project = touched ? view.get('Project', { namespace, name }) : undefined;
      if (!touched && !syncedChanged(change)) return [];
      const inStage = ({ spec }: Stored<'Resource'>): boolean =>
        spec.stage === undefined ? spec.service !== undefined : spec.stage === keptnName(stage);
      return [...(project ? [project] : []), ...members('Service', name), ...members('Resource', name).filter(inStage)];
    }
    case 'Service': {
      if (!touched && !syncedChanged(change)) return [];
      const service = as(object, 'Service');
      const name = keptnName(service);
      return members('Resource', service.spec.project).filter(
        (resource) => resource.spec.service === name && (waiting(resource) || syncedChanged(change)),
      );
    }
    case 'Resource': {
      const { project, service, uri } = as(object, 'Resource').spec;
      const services = members('Service', project).filter((other) => keptnName(other) === service && waiting(other));
      if (!touched) return services;
      const sameFile = members('Resource', project).filter(({ spec }) => spec.service === service && spec.uri === uri);
      return [...services, ...sameFile.filter((other) => other.metadata.uid !== object.metadata.uid)];
    }
  }
}

/** The kind has been tested: TypeScript does not narrow a generic by one of its fields. */
function as<K extends Kind>(object: Stored, kind: K): Stored<K> {
  if (object.kind !== kind) throw new Error(`expected a ${kind}, got a ${object.kind}`);
  return object as Stored<K>;
}
