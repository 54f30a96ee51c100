/** ResourceStore on the Kubernetes API. */
import { CoreV1Api, CustomObjectsApi, KubeConfig } from '@kubernetes/client-node';
import { z } from 'zod';
import { Terminal, Transient } from '../../errors/classes.ts';
import { API_VERSION, GROUP, VERSION } from '../../model/kind.ts';
import {
  definitionOf,
  keyOf,
  kindNames,
  nameOf,
  parseStored,
  type Kind,
  type Ref,
  type Spec,
  type Stored,
} from '../../model/object.ts';
import type { Status } from '../../model/status.ts';
import type { Logger } from '../../observe/log.ts';
import type { Change, Declared, Desired, Note, ResourceStore, StoreHealth, ValueRef } from '../port.ts';
import { requireUnowned } from '../owner.ts';
import { ObjectCache } from '../view.ts';
import { Caller, statusOf } from './calls.ts';
import { MANAGER, OperatorWrites } from './operator-writes.ts';
import { Reflector, type WatchEvent } from './reflector.ts';

/** Field manager of what people declare by the api: theirs, and not the operator's to take away. */
const PEOPLE = 'keptn-api';

export interface KubernetesStoreOptions {
  config: KubeConfig;
  log: Logger;
  onWatchEvent?: (kind: Kind, event: WatchEvent) => void;
}

/** From a kubeconfig file, or as kubectl does: KUBECONFIG, ~/.kube/config, the service account in a pod. */
export function loadKubeConfig(file?: string): KubeConfig {
  const config = new KubeConfig();
  if (file) config.loadFromFile(file);
  else config.loadFromDefault();
  return config;
}

const refSchema = z.object({ metadata: z.object({ namespace: z.string(), name: z.string() }) });

export function createKubernetesStore({ config, log, onWatchEvent }: KubernetesStoreOptions): ResourceStore {
  return new KubernetesStore(config, log, onWatchEvent ?? (() => undefined));
}

class KubernetesStore implements ResourceStore {
  readonly objects = new ObjectCache();
  readonly #custom: CustomObjectsApi;
  readonly #core: CoreV1Api;
  readonly #writes: OperatorWrites;
  readonly #caller = new Caller();
  readonly #log: Logger;
  readonly #reflectors: Reflector[];
  readonly #synced = Promise.withResolvers<void>();
  readonly #pending = new Set<Kind>(kindNames);
  readonly #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  #onChange: (change: Change) => void = () => undefined;

  constructor(config: KubeConfig, log: Logger, onEvent: (kind: Kind, event: WatchEvent) => void) {
    this.#custom = config.makeApiClient(CustomObjectsApi);
    this.#core = config.makeApiClient(CoreV1Api);
    this.#writes = new OperatorWrites({ config, caller: this.#caller, log });
    this.#log = log;
    this.#reflectors = kindNames.map((kind) => {
      const sink = {
        replace: (items: readonly unknown[]) => this.#replace(kind, items),
        put: (item: unknown) => this.#put(kind, item),
        remove: (item: unknown) => this.#remove(kind, item),
      };
      const followed = { group: GROUP, version: VERSION, plural: definitionOf(kind).plural };
      const parts = { config, api: this.#custom, caller: this.#caller, sink, log };
      return new Reflector({ followed, ...parts, onEvent: (event) => onEvent(kind, event) });
    });
  }

  async follow(onChange: (change: Change) => void): Promise<void> {
    this.#onChange = onChange;
    this.#running = Promise.all(this.#reflectors.map((reflector) => reflector.run(this.#stop.signal)));
    await this.#synced.promise;
  }

  async apply<K extends Kind>({ kind, metadata, spec }: Desired<K>): Promise<Stored<K>> {
    const { owner, ...meta } = metadata;
    const ownerReference = {
      apiVersion: API_VERSION,
      kind: owner.kind,
      name: owner.metadata.name,
      uid: owner.metadata.uid,
    };
    const ownerReferences = [{ ...ownerReference, controller: true, blockOwnerDeletion: true }];
    return this.#applied(kind, { ...meta, ownerReferences }, spec, MANAGER);
  }

  async put({ kind, metadata, spec }: Declared): Promise<Stored> {
    requireUnowned(this.objects.get(kind, metadata));
    return this.#applied(kind, metadata, spec, PEOPLE);
  }

  async #applied<K extends Kind>(
    kind: K,
    metadata: Ref & { ownerReferences?: object[] },
    spec: unknown,
    fieldManager: string,
  ): Promise<Stored<K>> {
    const body = { apiVersion: API_VERSION, kind, metadata, spec };
    const request = { ...this.#address(kind, metadata), body, fieldManager, force: true };
    const answer: unknown = await this.#caller.call(
      `cannot apply ${nameOf({ kind, metadata })}`,
      (options) => this.#custom.patchNamespacedCustomObject(request, options),
      'apply',
    );
    const stored = parse(kind, answer);
    this.#changed(this.objects.put(stored));
    return stored;
  }

  async create<K extends Kind>(kind: K, ref: Ref, spec: Spec<K>): Promise<Stored<K>> {
    const name = nameOf({ kind, metadata: ref });
    const body = { apiVersion: API_VERSION, kind, metadata: { ...ref }, spec };
    const answer = await this.#caller.call(`cannot create ${name}`, async (options): Promise<unknown> => {
      try {
        const { group, version, namespace, plural } = this.#address(kind, ref);
        const address = { group, version, namespace, plural };
        const request = { ...address, body, fieldManager: PEOPLE };
        return await this.#custom.createNamespacedCustomObject(request, options);
      } catch (error) {
        if (statusOf(error) === 409) return undefined;
        throw error;
      }
    });
    if (answer === undefined) throw new Terminal('AlreadyExists', `${name} already exists`);
    const stored = parse(kind, answer);
    this.#changed(this.objects.put(stored));
    return stored;
  }

  async remove(object: Stored): Promise<void> {
    const body = { preconditions: { uid: object.metadata.uid }, propagationPolicy: 'Background' };
    await this.#caller.call(`cannot delete ${nameOf(object)}`, async (options) => {
      try {
        await this.#custom.deleteNamespacedCustomObject(
          { ...this.#address(object.kind, object.metadata), body },
          options,
        );
      } catch (error) {
        // Gone, or another object has the name by now.
        if (statusOf(error) !== 404 && statusOf(error) !== 409) throw error;
      }
    });
  }

  async patchStatus<K extends Kind>(object: Stored<K>, status: Status): Promise<Stored<K>> {
    return this.#written(object, await this.#writes.status(definitionOf(object.kind).plural, object, status));
  }

  async setFinalizers<K extends Kind>(object: Stored<K>, finalizers: readonly string[]): Promise<Stored<K>> {
    return this.#written(object, await this.#writes.finalizers(definitionOf(object.kind).plural, object, finalizers));
  }

  async readValue({ kind, namespace, name, key }: ValueRef): Promise<Uint8Array | undefined> {
    return this.#caller.call(`cannot read ${kind} ${namespace}/${name}`, async (options) => {
      try {
        if (kind === 'Secret') {
          const secret = await this.#core.readNamespacedSecret({ namespace, name }, options);
          const value = secret.data?.[key];
          return value === undefined ? undefined : Buffer.from(value, 'base64');
        }
        const map = await this.#core.readNamespacedConfigMap({ namespace, name }, options);
        const binary = map.binaryData?.[key];
        const text = map.data?.[key];
        if (binary !== undefined) return Buffer.from(binary, 'base64');
        return text === undefined ? undefined : Buffer.from(text);
      } catch (error) {
        if (statusOf(error) === 404) return undefined;
        throw error;
      }
    });
  }

  note(object: Stored, note: Note): Promise<void> {
    return this.#writes.note(object, note);
  }

  health(): StoreHealth {
    const oldest = Math.min(...this.#reflectors.map((reflector) => reflector.lastHeard));
    return { synced: this.#pending.size === 0, quietSeconds: (Date.now() - oldest) / 1000 };
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  #address(kind: Kind, ref: { namespace: string; name: string }) {
    return {
      group: GROUP,
      version: VERSION,
      plural: definitionOf(kind).plural,
      namespace: ref.namespace,
      name: ref.name,
    };
  }

  /** Takes over what a write gave back. */
  #written<K extends Kind>(object: Stored<K>, answer: unknown): Stored<K> {
    const stored = parse(object.kind, answer);
    // The watch may have told by now that the object is gone: the answer must not bring it back.
    if (this.objects.get(object.kind, object.metadata)?.metadata.uid === stored.metadata.uid) {
      if (stored.metadata.deletionTimestamp !== undefined && !stored.metadata.finalizers?.length) {
        this.#changed(this.objects.delete(object.kind, object.metadata));
      } else this.#changed(this.objects.put(stored));
    }
    return stored;
  }

  #replace(kind: Kind, items: readonly unknown[]): void {
    const present = new Set<string>();
    for (const item of items) {
      const ref = refSchema.safeParse(item);
      if (ref.success) present.add(keyOf(ref.data.metadata));
      this.#put(kind, item);
    }
    for (const { metadata } of this.objects.list(kind)) {
      if (!present.has(keyOf(metadata))) this.#changed(this.objects.delete(kind, metadata));
    }
    this.#pending.delete(kind);
    if (this.#pending.size === 0) this.#synced.resolve();
  }

  #put(kind: Kind, item: unknown): void {
    const parsed = parseStored(kind, item);
    if ('problem' in parsed)
      this.#log.warn({ kind, err: parsed.problem }, 'object left out: it does not fit the schema');
    else this.#changed(this.objects.put(parsed));
  }

  #remove(kind: Kind, item: unknown): void {
    const ref = refSchema.safeParse(item);
    if (ref.success) this.#changed(this.objects.delete(kind, ref.data.metadata));
  }

  #changed(change: Change | undefined): void {
    if (change) this.#onChange(change);
  }
}

function parse<K extends Kind>(kind: K, answer: unknown): Stored<K> {
  const parsed = parseStored(kind, answer);
  if ('problem' in parsed) throw new Transient(`the API server answered with an unexpected object: ${parsed.problem}`);
  return parsed;
}
