/**
 * Objects of API groups as they stand in a manifest. client-node's typed clients know fields by other names, and leave out
 * what a custom resource definition calls `x-kubernetes-validations` or `default`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { CustomObjectsApi, type KubeConfig } from '@kubernetes/client-node';
import { z } from 'zod';
import { Caller, statusOf } from './calls.ts';

/** What addresses an object. */
export interface PlainRef {
  /** With its group. */
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string | undefined };
}

const listSchema = z.object({
  items: z.array(z.looseObject({ metadata: z.looseObject({ name: z.string(), namespace: z.string() }) })),
});
export type PlainObject = z.infer<typeof listSchema>['items'][number];

/** Name of the kind in addresses; true of all kinds that an installation has. */
export const pluralOf = (kind: string): string => `${kind.toLowerCase()}s`;

/** For a moment after its definition has changed, a kind has no storage: 429. */
const TRIES = 5;
const AGAIN_MS = 1_000;

const APPLY = 'apply';
const MERGE = 'merge';

export class PlainObjects {
  readonly #api: CustomObjectsApi;
  readonly #caller = new Caller();
  readonly #manager: string;

  /** `manager`: owner of the fields that are changed. */
  constructor(config: KubeConfig, manager: string) {
    this.#api = config.makeApiClient(CustomObjectsApi);
    this.#manager = manager;
  }

  /** In a namespace or in all; none of a kind that is not installed. */
  async list({ apiVersion, kind }: Pick<PlainRef, 'apiVersion' | 'kind'>, namespace?: string): Promise<PlainObject[]> {
    const [group = '', version = ''] = apiVersion.split('/');
    const plural = pluralOf(kind);
    const answer = await this.#caller.call(`cannot list ${plural}`, async (options): Promise<unknown> => {
      for (let left = TRIES; ; left -= 1) {
        try {
          return namespace === undefined
            ? await this.#api.listCustomObjectForAllNamespaces({ group, version, resourcePlural: plural }, options)
            : await this.#api.listNamespacedCustomObject({ group, version, plural, namespace }, options);
        } catch (error) {
          if (statusOf(error) === 404) return { items: [] };
          if (statusOf(error) !== 429 || left === 0) throw error;
          await sleep(AGAIN_MS);
        }
      }
    });
    return listSchema.parse(answer).items;
  }

  /** Server-side apply: brings the object about as it is. */
  async apply(object: PlainRef): Promise<void> {
    await this.#patch(object, object, APPLY);
  }

  /** As `apply`, to see whether it would be refused; changes nothing. */
  async rehearse(object: PlainRef): Promise<void> {
    await this.#patch(object, object, APPLY, 'All');
  }

  /** Changes the fields that are named and no other; null takes one away. */
  async merge(ref: PlainRef, changes: object): Promise<void> {
    await this.#patch(ref, changes, MERGE);
  }

  async #patch(ref: PlainRef, body: object, how: typeof APPLY | typeof MERGE, dryRun?: 'All'): Promise<void> {
    const { apiVersion, kind, metadata } = ref;
    const { name, namespace } = metadata;
    const [group = '', version = ''] = apiVersion.split('/');
    const request = {
      ...{ group, version, plural: pluralOf(kind), name, body, fieldManager: this.#manager },
      ...(dryRun && { dryRun }),
      ...(how === APPLY && { force: true }),
    };
    await this.#caller.call(
      `cannot ${how === APPLY ? 'apply' : 'change'} ${kind} ${name}`,
      async (options): Promise<unknown> =>
        namespace === undefined
          ? this.#api.patchClusterCustomObject(request, options)
          : this.#api.patchNamespacedCustomObject({ ...request, namespace }, options),
      how,
    );
  }
}
