/**
 * The objects as an API server keeps them: uid, generation, resourceVersion, finalizers. Each change is on disk before
 * it is in the view. Callers make one change at a time.
 */
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { messageOf, Transient } from '../../errors/classes.ts';
import { API_VERSION } from '../../model/kind.ts';
import { nameOf, type Kind, type Meta, type Ref, type Spec, type Stored } from '../../model/object.ts';
import type { Status } from '../../model/status.ts';
import type { Logger } from '../../observe/log.ts';
import type { Change } from '../port.ts';
import { ObjectCache } from '../view.ts';
import { State, type Entry } from './state.ts';

type OptionalMeta = { [F in 'labels' | 'annotations' | 'ownerReferences']: Meta[F] };

/** What a declaration says of an object's metadata; what is undefined is not to be there. */
export type Declared = Ref & OptionalMeta;

export const keyOf = (kind: Kind, { namespace, name }: Ref): string => `${kind}/${namespace}/${name}`;

export class Registry {
  readonly objects = new ObjectCache();
  readonly #state: State;
  /** The file that declares an object; none for what `apply` made. */
  readonly #sources = new Map<string, string | undefined>();
  #version = 0;
  #onChange: (change: Change) => void = () => undefined;

  constructor(stateDirectory: string) {
    this.#state = new State(stateDirectory);
  }

  async load(onChange: (change: Change) => void, log: Logger): Promise<void> {
    this.#onChange = onChange;
    for (const { object, source } of await this.#state.load(log)) {
      this.#version = Math.max(this.#version, Number(object.metadata.resourceVersion));
      this.#sources.set(keyOf(object.kind, object.metadata), source);
      this.#changed(this.objects.put(object));
    }
  }

  sourceOf(key: string): string | undefined {
    return this.#sources.get(key);
  }

  /** Makes or changes an object as `kubectl apply` does; nothing when it is as declared. */
  async declare<K extends Kind>(kind: K, meta: Declared, spec: Spec<K>, source?: string): Promise<Stored<K>> {
    const current = this.objects.get(kind, meta);
    const { namespace, name, ...optional } = meta;
    if (!current) {
      const creationTimestamp = new Date().toISOString();
      const made = { uid: randomUUID(), generation: 1, resourceVersion: '', creationTimestamp };
      const metadata = { namespace, name, ...present(optional), ...made };
      return this.#save({ apiVersion: API_VERSION, kind, metadata, spec }, source);
    }
    const { labels, annotations, ownerReferences, ...rest } = current.metadata;
    const sameSpec = isDeepStrictEqual(current.spec, spec);
    if (sameSpec && isDeepStrictEqual(present({ labels, annotations, ownerReferences }), present(optional))) {
      // The object is the same, but a restart has to know where it is declared.
      if (source !== this.sourceOf(keyOf(kind, meta))) await this.#keep({ object: current, source });
      return current;
    }
    const metadata = { ...rest, ...present(optional), generation: rest.generation + (sameSpec ? 0 : 1) };
    return this.#save({ ...current, metadata, spec: sameSpec ? current.spec : spec }, source);
  }

  async patchStatus<K extends Kind>(object: Stored<K>, status: Status): Promise<Stored<K>> {
    return this.#save({ ...this.#current(object), status: structuredClone(status) });
  }

  async setFinalizers<K extends Kind>(object: Stored<K>, finalizers: readonly string[]): Promise<Stored<K>> {
    const current = this.#current(object);
    const next: Stored<K> = { ...current, metadata: { ...current.metadata, finalizers: [...finalizers] } };
    if (current.metadata.deletionTimestamp === undefined || finalizers.length > 0) return this.#save(next);
    await this.#gone(next);
    return next;
  }

  /** Gone at once without finalizers, and else when these are. */
  async markDeleted(object: Stored): Promise<void> {
    const current = this.objects.get(object.kind, object.metadata);
    if (current?.metadata.uid !== object.metadata.uid) return;
    if (!current.metadata.finalizers?.length) return this.#gone(current);
    if (current.metadata.deletionTimestamp !== undefined) return;
    await this.#save({ ...current, metadata: { ...current.metadata, deletionTimestamp: new Date().toISOString() } });
  }

  async #save<K extends Kind>(object: Stored<K>, source = this.#sourceOf(object)): Promise<Stored<K>> {
    this.#version += 1;
    const next = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    await this.#keep({ object: next, source });
    this.#changed(this.objects.put(next));
    return next;
  }

  async #keep(entry: Entry): Promise<void> {
    const { object, source } = entry;
    try {
      await this.#state.save(entry);
    } catch (cause) {
      throw new Transient(`cannot keep the state of ${nameOf(object)}: ${messageOf(cause)}`, { cause });
    }
    this.#sources.set(keyOf(object.kind, object.metadata), source);
  }

  async #gone(object: Stored): Promise<void> {
    await this.#state.remove(object);
    this.#sources.delete(keyOf(object.kind, object.metadata));
    this.#changed(this.objects.delete(object.kind, object.metadata));
  }

  #sourceOf(object: Stored): string | undefined {
    return this.sourceOf(keyOf(object.kind, object.metadata));
  }

  /** The object as it is, provided that the caller has seen its last change. */
  #current<K extends Kind>(object: Stored<K>): Stored<K> {
    const current = this.objects.get(object.kind, object.metadata);
    if (
      current?.metadata.uid === object.metadata.uid &&
      current.metadata.resourceVersion === object.metadata.resourceVersion
    )
      return current;
    throw new Transient(`${nameOf(object)} has changed meanwhile`);
  }

  #changed(change: Change | undefined): void {
    if (change) this.#onChange(change);
  }
}

/** Only the fields that are there: an absent field and an undefined one are not the same to a comparison. */
function present({ labels, annotations, ownerReferences }: OptionalMeta) {
  return {
    ...(labels && { labels }),
    ...(annotations && { annotations }),
    ...(ownerReferences && { ownerReferences }),
  };
}
