/** All objects of a store in memory, with the indexes that reconcilers ask for. Adapters write it, others read it. */
import { definitionOf, keyOf, kindNames, type Kind, type Ref, type Stored } from '../model/object.ts';
import type { Change } from './port.ts';

/** The read side. */
export interface ObjectView {
  get<K extends Kind>(kind: K, ref: Ref): Stored<K> | undefined;
  list<K extends Kind>(kind: K): Stored<K>[];
  /** All objects of a Keptn project, in one namespace. */
  ofProject<K extends Kind>(kind: K, namespace: string, project: string): Stored<K>[];
  /** The objects that declare one and the same thing, oldest first: the first is in effect. */
  claimants<K extends Kind>(object: Stored<K>): Stored<K>[];
}

/** Objects of one kind. */
class KindView<K extends Kind> {
  readonly #definition;
  readonly #objects = new Map<string, Stored<K>>();
  readonly #byProject = new Map<string, Map<string, Stored<K>>>();
  readonly #byClaim = new Map<string, Map<string, Stored<K>>>();

  constructor(kind: K) {
    this.#definition = definitionOf(kind);
  }

  get(key: string): Stored<K> | undefined {
    return this.#objects.get(key);
  }

  list(): Stored<K>[] {
    return [...this.#objects.values()];
  }

  ofProject(namespace: string, project: string): Stored<K>[] {
    return [...(this.#byProject.get(`${namespace}/${project}`)?.values() ?? [])];
  }

  claimants(object: Stored<K>): Stored<K>[] {
    const found = [...(this.#byClaim.get(this.#definition.claim(object))?.values() ?? [])];
    return found.sort(
      (a, b) =>
        a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp) ||
        a.metadata.uid.localeCompare(b.metadata.uid),
    );
  }

  put(object: Stored<K>): Stored<K> | undefined {
    const key = keyOf(object.metadata);
    const previous = this.#objects.get(key);
    if (previous) this.#unindex(key, previous);
    this.#objects.set(key, object);
    for (const [index, at] of this.#indexesOf(object)) {
      const group = index.get(at) ?? new Map<string, Stored<K>>();
      index.set(at, group.set(key, object));
    }
    return previous;
  }

  delete(key: string): Stored<K> | undefined {
    const object = this.#objects.get(key);
    if (!object) return undefined;
    this.#unindex(key, object);
    this.#objects.delete(key);
    return object;
  }

  #indexesOf(object: Stored<K>): [Map<string, Map<string, Stored<K>>>, string][] {
    return [
      [this.#byProject, `${object.metadata.namespace}/${this.#definition.project(object)}`],
      [this.#byClaim, this.#definition.claim(object)],
    ];
  }

  #unindex(key: string, object: Stored<K>): void {
    for (const [index, at] of this.#indexesOf(object)) {
      const group = index.get(at);
      group?.delete(key);
      if (group?.size === 0) index.delete(at);
    }
  }
}

export class ObjectCache implements ObjectView {
  readonly #kinds = new Map<Kind, KindView<Kind>>(kindNames.map((kind) => [kind, new KindView<Kind>(kind)]));

  get<K extends Kind>(kind: K, ref: Ref): Stored<K> | undefined {
    return this.#of(kind).get(keyOf(ref));
  }

  list<K extends Kind>(kind: K): Stored<K>[] {
    return this.#of(kind).list();
  }

  ofProject<K extends Kind>(kind: K, namespace: string, project: string): Stored<K>[] {
    return this.#of(kind).ofProject(namespace, project);
  }

  claimants<K extends Kind>(object: Stored<K>): Stored<K>[] {
    return this.#of(object.kind).claimants(object);
  }

  /** Takes the object in; undefined when the view has this state, or a newer one, already. */
  put<K extends Kind>(object: Stored<K>): Change | undefined {
    const known = this.get(object.kind, object.metadata);
    if (known && known.metadata.uid === object.metadata.uid && !isNewer(object, known)) return undefined;
    return { object, previous: this.#of(object.kind).put(object), deleted: false };
  }

  delete(kind: Kind, ref: Ref): Change | undefined {
    const object = this.#of(kind).delete(keyOf(ref));
    return object && { object, previous: object, deleted: true };
  }

  #of<K extends Kind>(kind: K): KindView<K> {
    // The map was filled with one view for each kind, which holds nothing but objects of that kind.
    return this.#kinds.get(kind) as unknown as KindView<K>;
  }
}

/** Our own writes arrive before their echo does; an echo of an older state must not take them back. */
function isNewer(next: Stored, known: Stored): boolean {
  const [a, b] = [Number(next.metadata.resourceVersion), Number(known.metadata.resourceVersion)];
  return Number.isNaN(a) || Number.isNaN(b) ? next.metadata.resourceVersion !== known.metadata.resourceVersion : a > b;
}
