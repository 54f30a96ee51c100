/** Objects of any kind: what an installation is made of, applied by server-side apply with a field manager of its own. */
import {
  KubernetesObjectApi,
  PatchStrategy,
  type KubeConfig,
  type KubernetesObject,
  type V1ObjectMeta,
} from '@kubernetes/client-node';
import { Terminal } from '../../errors/classes.ts';
import { Caller, sentenceOf, statusOf } from './calls.ts';

export type AnyObject = KubernetesObject & {
  apiVersion: string;
  kind: string;
  metadata: V1ObjectMeta & { name: string };
};

/** What addresses objects of a kind. */
export interface KindRef {
  apiVersion: string;
  kind: string;
}

export class ObjectClient {
  readonly #api: KubernetesObjectApi;
  readonly #caller = new Caller();
  readonly #manager: string;

  /** `manager`: owner of the fields that are applied. */
  constructor(config: KubeConfig, manager: string) {
    this.#api = KubernetesObjectApi.makeApiClient(config);
    this.#manager = manager;
  }

  /** Brings the object about as it is; fields that others set and it does not name stay. The stored object. */
  apply(object: AnyObject): Promise<AnyObject> {
    // The client fills in what is missing, in the object that it is given.
    const body = structuredClone(object);
    return this.#call(`cannot apply ${nameOf(object)}`, async () =>
      named(
        await this.#api.patch(body, undefined, undefined, this.#manager, true, PatchStrategy.ServerSideApply),
        object,
      ),
    );
  }

  /** False when there is one by this name. */
  create(object: AnyObject): Promise<boolean> {
    return this.#call(`cannot create ${nameOf(object)}`, async () => {
      try {
        await this.#api.create(structuredClone(object), undefined, undefined, this.#manager);
        return true;
      } catch (error) {
        if (statusOf(error) === 409) return false;
        throw error;
      }
    });
  }

  read(object: KindRef & { metadata: { name: string; namespace?: string } }): Promise<AnyObject | undefined> {
    return this.#call(`cannot read ${nameOf(object)}`, async () => {
      try {
        return named(await this.#api.read(structuredClone(object)), object);
      } catch (error) {
        if (statusOf(error) === 404) return undefined;
        throw error;
      }
    });
  }

  /** Those with the labels, in one namespace or in all; none of a kind that is not installed. */
  list({ apiVersion, kind }: KindRef, namespace: string | undefined, labelSelector: string): Promise<AnyObject[]> {
    return this.#call(`cannot list ${kind}`, async () => {
      try {
        const { items } = await this.#api.list(
          apiVersion,
          kind,
          ...[namespace, undefined, undefined, undefined, undefined, labelSelector],
        );
        return items.map((item) => named(item, { apiVersion, kind }));
      } catch (error) {
        if (isUnknownKind(error)) return [];
        throw error;
      }
    });
  }

  /** Gone already is as good. */
  remove(object: AnyObject): Promise<void> {
    return this.#call(`cannot delete ${nameOf(object)}`, async () => {
      try {
        await this.#api.delete(
          { apiVersion: object.apiVersion, kind: object.kind, metadata: object.metadata },
          ...[undefined, undefined, undefined, undefined, 'Background'],
        );
      } catch (error) {
        if (statusOf(error) !== 404) throw error;
      }
    });
  }

  async #call<T>(what: string, run: () => Promise<T>): Promise<T> {
    return this.#caller.call(what, async () => {
      try {
        return await run();
      } catch (error) {
        if (isUnknownKind(error)) throw new Terminal('NotFound', `${what}: its kind is not installed in this cluster`);
        throw error;
      }
    });
  }
}

const nameOf = ({ kind, metadata }: KindRef & { metadata: { name: string; namespace?: string } }): string =>
  metadata.namespace === undefined ? `${kind} ${metadata.name}` : `${kind} ${metadata.namespace}/${metadata.name}`;

/** The items of a list have no kind of their own. */
function named(object: KubernetesObject, { apiVersion, kind }: KindRef): AnyObject {
  const name = object.metadata?.name ?? '';
  return { ...object, apiVersion, kind, metadata: { ...object.metadata, name } };
}

/** The client says so before it asks, or the API server does: 404 for the whole group. */
const isUnknownKind = (error: unknown): boolean =>
  error instanceof Error &&
  (error.message.startsWith('Unrecognized API version and kind') ||
    (statusOf(error) === 404 && sentenceOf(error).includes('could not find the requested resource')));
