/** All objects of one kind in memory, as the API server has them: what a watch tells, checked by a schema. */
import { CustomObjectsApi, type KubeConfig } from '@kubernetes/client-node';
import { z } from 'zod';
import { problemsOf } from '../../model/names.ts';
import type { Logger } from '../../observe/log.ts';
import { keyOf, type Ref } from '../../model/object.ts';
import type { Caller } from './calls.ts';
import { type Followed, Reflector, type WatchEvent } from './reflector.ts';

const refSchema = z.object({ metadata: z.object({ namespace: z.string(), name: z.string() }) });

export interface MirrorOptions<T> {
  config: KubeConfig;
  caller: Caller;
  followed: Followed;
  /** What does not fit is left out, and named in the log. */
  schema: z.ZodType<T>;
  log: Logger;
  onChange: (ref: Ref) => void;
  onEvent?: (event: WatchEvent) => void;
}

export class Mirror<T> {
  readonly #objects = new Map<string, T>();
  readonly #options: MirrorOptions<T>;
  readonly #reflector: Reflector;
  readonly #listed = Promise.withResolvers<void>();

  constructor(options: MirrorOptions<T>) {
    this.#options = options;
    const { config, caller, followed, log, onEvent } = options;
    const sink = {
      replace: (items: readonly unknown[]) => this.#replace(items),
      put: (item: unknown) => this.#put(item),
      remove: (item: unknown) => this.#remove(item),
    };
    const api = config.makeApiClient(CustomObjectsApi);
    this.#reflector = new Reflector({
      config,
      api,
      caller,
      followed,
      sink,
      log,
      onEvent: onEvent ?? (() => undefined),
    });
  }

  /** Resolves when it is complete for the first time. */
  get listed(): Promise<void> {
    return this.#listed.promise;
  }

  get(ref: Ref): T | undefined {
    return this.#objects.get(keyOf(ref));
  }

  list(): T[] {
    return [...this.#objects.values()];
  }

  /** Follows until the signal; never rejects. */
  run(signal: AbortSignal): Promise<void> {
    return this.#reflector.run(signal);
  }

  #replace(items: readonly unknown[]): void {
    const before = new Set(this.#objects.keys());
    for (const item of items) before.delete(this.#put(item) ?? '');
    for (const key of before) this.#forget(key);
    this.#listed.resolve();
  }

  #put(item: unknown): string | undefined {
    const ref = refSchema.safeParse(item);
    if (!ref.success) return undefined;
    const key = keyOf(ref.data.metadata);
    const parsed = this.#options.schema.safeParse(item);
    if (parsed.success) {
      this.#objects.set(key, parsed.data);
      this.#options.onChange(ref.data.metadata);
    } else {
      this.#options.log.warn({ key, err: problemsOf(parsed.error) }, 'object left out: it does not fit the schema');
    }
    return key;
  }

  #remove(item: unknown): void {
    const ref = refSchema.safeParse(item);
    if (ref.success) this.#forget(keyOf(ref.data.metadata));
  }

  #forget(key: string): void {
    const [namespace = '', name = ''] = key.split('/');
    if (this.#objects.delete(key)) this.#options.onChange({ namespace, name });
  }
}
