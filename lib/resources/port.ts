/**
 * Where custom resources live: the Kubernetes API, or a directory of manifests. A store follows all objects of our
 * kinds into a view in memory, tells each change of it, and takes the few writes that an operator needs.
 */
import type { Kind, Ref, Spec, Stored } from '../model/object.ts';
import type { Status } from '../model/status.ts';
import type { ObjectView } from './view.ts';

export interface Change {
  /** The object now; the last state that was seen when it is gone. */
  object: Stored;
  /** The state before; undefined when it is new to the view. */
  previous: Stored | undefined;
  deleted: boolean;
}

/** An object to bring about: made or changed so that it has this spec. */
export interface Desired<K extends Kind> {
  kind: K;
  metadata: Ref & { labels?: Record<string, string>; owner: Stored };
  spec: Spec<K>;
}

/** An object as a person writes it; its spec is checked where it is kept. */
export interface Declared {
  kind: Kind;
  metadata: Ref & { labels?: Record<string, string> | undefined; annotations?: Record<string, string> | undefined };
  spec: unknown;
}

export interface ValueRef extends Ref {
  kind: 'ConfigMap' | 'Secret';
  key: string;
}

/** What `kubectl describe` shows; `reason` is one word of CamelCase. */
export interface Note {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
}

export interface StoreHealth {
  /** True when the view is complete and followed. */
  synced: boolean;
  /** Seconds since anything came from the store that is furthest behind. */
  quietSeconds: number;
}

/**
 * Writes reject with `Transient` when the store does not answer or the object has changed meanwhile (optimistic by
 * resourceVersion), and give back the object as it is after the write, which is in the view by then.
 */
export interface ResourceStore {
  readonly objects: ObjectView;
  /** Begins to follow; resolves when the view is complete for the first time. Keeps trying while the store is away. */
  follow(onChange: (change: Change) => void): Promise<void>;
  /** Makes an object as a user does; `Terminal` (AlreadyExists) when there is one of this name, (Rejected) by the rules. */
  create<K extends Kind>(kind: K, ref: Ref, spec: Spec<K>): Promise<Stored<K>>;
  /**
   * Makes or changes an object as a user does; the same again changes nothing. `Terminal` (Rejected) by the rules, (Forbidden)
   * for what is declared elsewhere: by another object, or in a file.
   */
  put(declared: Declared): Promise<Stored>;
  apply<K extends Kind>(desired: Desired<K>): Promise<Stored<K>>;
  /** Asks for deletion; it is gone when its finalizers are. No error when it is gone already. */
  remove(object: Stored): Promise<void>;
  patchStatus<K extends Kind>(object: Stored<K>, status: Status): Promise<Stored<K>>;
  setFinalizers<K extends Kind>(object: Stored<K>, finalizers: readonly string[]): Promise<Stored<K>>;
  /** The content behind a reference, undefined when the object or the key is missing. */
  readValue(ref: ValueRef): Promise<Uint8Array | undefined>;
  /** Best effort: never rejects. */
  note(object: Stored, note: Note): Promise<void>;
  health(): StoreHealth;
  close(): Promise<void>;
}
