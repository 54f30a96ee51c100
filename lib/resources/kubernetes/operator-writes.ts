/** What an operator adds to objects of our group: status, finalizers, and events that `kubectl describe` shows. */
import { randomUUID } from 'node:crypto';
import { CustomObjectsApi, EventsV1Api, type KubeConfig, V1MicroTime } from '@kubernetes/client-node';
import { messageOf } from '../../errors/classes.ts';
import { API_VERSION, GROUP, VERSION } from '../../model/kind.ts';
import { nameOf } from '../../model/object.ts';
import type { Logger } from '../../observe/log.ts';
import type { Note } from '../port.ts';
import type { Caller } from './calls.ts';

/** Field manager of what the operator applies. */
export const MANAGER = 'keptn-operator';

/** An object of any of our kinds, as it was read. */
export interface Written {
  kind: string;
  metadata: { namespace: string; name: string; uid: string; resourceVersion: string };
  status?: object | undefined;
}

type PatchCall = CustomObjectsApi['patchNamespacedCustomObject'];

export class OperatorWrites {
  readonly #custom: CustomObjectsApi;
  readonly #events: EventsV1Api;
  readonly #caller: Caller;
  readonly #log: Logger;

  constructor({ config, caller, log }: { config: KubeConfig; caller: Caller; log: Logger }) {
    this.#custom = config.makeApiClient(CustomObjectsApi);
    this.#events = config.makeApiClient(EventsV1Api);
    this.#caller = caller;
    this.#log = log;
  }

  /** The object as it is then; `Transient` when it has changed since it was read. */
  status(plural: string, object: Written, status: object): Promise<unknown> {
    // A merge patch keeps what it does not name: a field that is to go must be null.
    const gone = Object.keys(object.status ?? {}).filter((key) => !(key in status));
    const body = {
      metadata: lock(object),
      status: { ...status, ...Object.fromEntries(gone.map((key) => [key, null])) },
    };
    return this.#patch(plural, object, `cannot write the status of ${nameOf(object)}`, body, (...args) =>
      this.#custom.patchNamespacedCustomObjectStatus(...args),
    );
  }

  /** As `status`. */
  finalizers(plural: string, object: Written, finalizers: readonly string[]): Promise<unknown> {
    const body = { metadata: { ...lock(object), finalizers } };
    return this.#patch(plural, object, `cannot write the finalizers of ${nameOf(object)}`, body, (...args) =>
      this.#custom.patchNamespacedCustomObject(...args),
    );
  }

  /** Best effort: never rejects. */
  async note(object: Written, note: Note): Promise<void> {
    const { namespace, name, uid, resourceVersion } = object.metadata;
    const body = {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: `${name.slice(0, 200)}.${randomUUID()}`, namespace },
      eventTime: new V1MicroTime(),
      reportingController: `${GROUP}/operator`,
      reportingInstance: process.env['HOSTNAME'] ?? 'operator',
      action: 'Reconcile',
      regarding: { apiVersion: API_VERSION, kind: object.kind, namespace, name, uid, resourceVersion },
      type: note.type,
      reason: note.reason,
      note: note.message.slice(0, 1000),
    };
    try {
      await this.#caller.timed((options) => this.#events.createNamespacedEvent({ namespace, body }, options));
    } catch (error) {
      this.#log.debug({ key: nameOf(object), err: messageOf(error) }, 'event not recorded');
    }
  }

  #patch(
    plural: string,
    { metadata: { namespace, name } }: Written,
    what: string,
    body: object,
    write: (...args: Parameters<PatchCall>) => ReturnType<PatchCall>,
  ): Promise<unknown> {
    const request = { group: GROUP, version: VERSION, plural, namespace, name, body, fieldManager: MANAGER };
    return this.#caller.call(what, (options) => write(request, options), 'merge');
  }
}

/** Optimistic locking: the write is refused when the object has changed or is another one by the same name. */
function lock({ metadata: { resourceVersion, uid } }: Written): { resourceVersion: string; uid: string } {
  return { resourceVersion, uid };
}
