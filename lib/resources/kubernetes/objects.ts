/** Objects of any kind: what an installation is made of, applied by server-side apply with a field manager of its own. */
import {
  type Configuration,
  KubernetesObjectApi,
  type KubernetesObject,
  type KubeConfig,
  type ObservableMiddleware,
  PatchStrategy,
} from '@kubernetes/client-node';
import { Terminal } from '../../errors/classes.ts';
import { type KindRef, type KubeObject, nameOfObject } from '../kube-object.ts';
import { Caller, sentenceOf, statusOf } from './calls.ts';

type Addressed = KindRef & { metadata: { name: string; namespace?: string | undefined } };

/** All calls share connections; and it tells what the client knows of kinds. */
const sharingApi = (shared: ObservableMiddleware) =>
  class extends KubernetesObjectApi {
    constructor(configuration: Configuration) {
      super({ ...configuration, middleware: [...configuration.middleware, shared] });
    }

    async knows({ apiVersion, kind }: KindRef): Promise<boolean> {
      return (await this.resource(apiVersion, kind)) !== undefined;
    }
  };

export class ObjectClient {
  readonly #api: InstanceType<ReturnType<typeof sharingApi>>;
  readonly #caller = new Caller();
  readonly #manager: string;

  /** `manager`: owner of the fields that are applied. */
  constructor(config: KubeConfig, manager: string) {
    this.#api = config.makeApiClient(sharingApi(this.#caller.middleware()));
    this.#manager = manager;
  }

  /** Brings the object about as it is; fields that others set and it does not name stay. The stored object. */
  apply(object: KubeObject): Promise<KubeObject> {
    // The client fills in what is missing, in the object that it is given.
    const body = structuredClone(object);
    const by = [undefined, undefined, this.#manager, true, PatchStrategy.ServerSideApply] as const;
    return this.#call(`cannot apply ${nameOfObject(object)}`, async () =>
      named(await this.#api.patch(body, ...by), object),
    );
  }

  /** False when there is one by this name. */
  create(object: KubeObject): Promise<boolean> {
    return this.#call(`cannot create ${nameOfObject(object)}`, async () => {
      try {
        await this.#api.create(structuredClone(object), undefined, undefined, this.#manager);
        return true;
      } catch (error) {
        if (statusOf(error) === 409) return false;
        throw error;
      }
    });
  }

  read({ apiVersion, kind, metadata }: Addressed): Promise<KubeObject | undefined> {
    const { name, namespace } = metadata;
    const header = { apiVersion, kind, metadata: { name, ...(namespace !== undefined && { namespace }) } };
    return this.#call(`cannot read ${nameOfObject(header)}`, async () => {
      try {
        return named(await this.#api.read(header), header);
      } catch (error) {
        if (statusOf(error) === 404) return undefined;
        throw error;
      }
    });
  }

  /** Those with the labels, in one namespace or in all; none of a kind that is not installed. */
  async list({ apiVersion, kind }: KindRef, namespace?: string, labelSelector?: string): Promise<KubeObject[]> {
    const where = [namespace, undefined, undefined, undefined, undefined, labelSelector] as const;
    const found = await this.#call(`cannot list ${kind}`, async () => {
      try {
        return (await this.#api.list(apiVersion, kind, ...where)).items;
      } catch (error) {
        if (isUnknownKind(error)) return [];
        throw error;
      }
    });
    return found.map((item) => named(item, { apiVersion, kind }));
  }

  /** Whether the cluster has the kind. */
  knows(kind: KindRef): Promise<boolean> {
    return this.#call(`cannot look for ${kind.kind}`, async () => {
      try {
        return await this.#api.knows(kind);
      } catch (error) {
        if (isUnknownKind(error)) return false;
        throw error;
      }
    });
  }

  /** Gone already is as good. */
  remove({ apiVersion, kind, metadata }: KubeObject): Promise<void> {
    const { name, namespace } = metadata;
    const header = { apiVersion, kind, metadata: { name, ...(namespace !== undefined && { namespace }) } };
    return this.#call(`cannot delete ${nameOfObject(header)}`, async () => {
      try {
        await this.#api.delete(header, ...[undefined, undefined, undefined, undefined, 'Background']);
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
        if (isUnknownNamespace(error)) throw new Terminal('NotFound', `${what}: ${sentenceOf(error)}`);
        throw error;
      }
    });
  }
}

/** The items of a list have no kind of their own. */
function named(object: KubernetesObject, { apiVersion, kind }: KindRef): KubeObject {
  const name = object.metadata?.name ?? '';
  return { ...object, apiVersion, kind, metadata: { ...object.metadata, name } };
}

/** The client says so before it asks; or the API server does, in no words of its own: what it misses by name it names. */
const isUnknownKind = (error: unknown): boolean =>
  error instanceof Error &&
  (error.message.startsWith('Unrecognized API version and kind') ||
    (statusOf(error) === 404 && !/ "[^"]+" not found$/.test(sentenceOf(error))));

const isUnknownNamespace = (error: unknown): boolean =>
  statusOf(error) === 404 && /^namespaces "[^"]+" not found$/.test(sentenceOf(error));
