/**
 * Follows all objects of one kind: a list, then a watch from there. client-node's informer ends for ever at the first
 * reset connection and asks for no bookmarks, so this is built on its Watch: it goes on from the last resourceVersion,
 * lists anew when that has expired (410) and then reports what was deleted meanwhile.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type CustomObjectsApi, type KubeConfig, Watch } from '@kubernetes/client-node';
import { z } from 'zod';
import { messageOf } from '../../errors/classes.ts';
import type { Logger } from '../../observe/log.ts';
import { sentenceOf, statusOf, type Caller } from './calls.ts';

const PAGE = 500;
const MAX_DELAY_MS = 5_000;

/** What a watch went through, for the metrics. */
export type WatchEvent = 'connect' | 'disconnect' | 'list' | 'gone' | 'error' | 'object' | 'bookmark';

export interface Sink {
  /** All objects that there are: what else the view has is gone. */
  replace(items: readonly unknown[]): void;
  put(item: unknown): void;
  remove(item: unknown): void;
}

/** What is followed: a kind of a named API group. */
export interface Followed {
  group: string;
  version: string;
  plural: string;
  /** All namespaces without. */
  namespace?: string;
  labelSelector?: string;
}

export interface ReflectorOptions {
  followed: Followed;
  config: KubeConfig;
  api: CustomObjectsApi;
  caller: Caller;
  sink: Sink;
  log: Logger;
  onEvent: (event: WatchEvent) => void;
}

const listSchema = z.object({
  metadata: z.object({ resourceVersion: z.string(), continue: z.string().optional() }),
  items: z.array(z.looseObject({})),
});
const metaSchema = z.object({ metadata: z.object({ resourceVersion: z.string() }) });
const statusSchema = z.object({ code: z.int().optional(), message: z.string().optional() });

/** The resourceVersion is too old: what happened since is unknown. */
class Gone extends Error {}

export class Reflector {
  readonly #options: ReflectorOptions;
  #resourceVersion: string | undefined;
  #lastHeard = 0;
  #failures = 0;

  constructor(options: ReflectorOptions) {
    this.#options = options;
  }

  /** Milliseconds since 1970 of the last sign of life; 0 before the first list. */
  get lastHeard(): number {
    return this.#lastHeard;
  }

  /** Follows until the signal; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, followed } = this.#options;
    const kind = `${followed.plural}.${followed.group}`;
    while (!signal.aborted) {
      try {
        if (this.#resourceVersion === undefined) await this.#list();
        await this.#watch(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof Gone || statusOf(error) === 410) {
          this.#event('gone');
          this.#resourceVersion = undefined;
        } else {
          this.#event('error');
          // 404 is the answer to a kind, not to an object: the API server does not know it.
          const missing = `${kind} is not installed: kubectl apply -k crds`;
          const reason = statusOf(error) === 404 ? missing : sentenceOf(error);
          log.warn({ kind, reason }, 'watch interrupted, going on from where it was');
        }
        this.#failures += 1;
      }
      await this.#pause(signal);
    }
  }

  #event(event: WatchEvent): void {
    this.#options.onEvent(event);
  }

  /** Backoff with jitter; none while the watch works, since the server ends a quiet one now and then. */
  async #pause(signal: AbortSignal): Promise<void> {
    if (this.#failures === 0) return;
    const limit = Math.min(MAX_DELAY_MS, 100 * 2 ** this.#failures);
    await sleep(limit / 2 + (Math.random() * limit) / 2, undefined, { signal }).catch(() => undefined);
  }

  async #list(): Promise<void> {
    const { api, caller, sink, followed } = this.#options;
    const { namespace, ...kind } = followed;
    const items: unknown[] = [];
    let next: string | undefined;
    do {
      const query = { ...kind, limit: PAGE, ...(next && { _continue: next }) };
      const answer: unknown = await caller.timed((options) =>
        namespace === undefined
          ? api.listClusterCustomObject(query, options)
          : api.listNamespacedCustomObject({ ...query, namespace }, options),
      );
      const page = listSchema.parse(answer);
      items.push(...page.items);
      next = page.metadata.continue;
      this.#resourceVersion = page.metadata.resourceVersion;
    } while (next);
    sink.replace(items);
    this.#heard('list');
  }

  #heard(event: WatchEvent): void {
    this.#lastHeard = Date.now();
    this.#failures = 0;
    this.#event(event);
  }

  /** One watch request; resolves when it ends in order, after 30 quiet seconds at the latest. */
  async #watch(signal: AbortSignal): Promise<void> {
    const { config, followed } = this.#options;
    const { group, version, namespace, plural, labelSelector } = followed;
    const path = `/apis/${group}/${version}/${namespace === undefined ? '' : `namespaces/${namespace}/`}${plural}`;
    let failure: Error | undefined;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const query = { resourceVersion: this.#resourceVersion, allowWatchBookmarks: true, labelSelector };
    this.#event('connect');
    const request = await new Watch(config).watch(
      path,
      query,
      (phase, object) => {
        failure ??= this.#take(phase, object);
        if (failure) request.abort();
      },
      (error: unknown) => {
        this.#event('disconnect');
        if (failure) reject(failure);
        else if (error instanceof Error && error.name === 'TimeoutError') {
          this.#lastHeard = Date.now();
          resolve();
        } else if (error) reject(watchError(error));
        else resolve();
      },
    );
    const abort = (): void => request.abort();
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    await promise.finally(() => signal.removeEventListener('abort', abort));
  }

  /** Handles one line of the watch; an error ends the watch. */
  #take(phase: string, object: unknown): Error | undefined {
    if (phase === 'ERROR') {
      const status = statusSchema.safeParse(object);
      const message = (status.success && status.data.message) || 'the watch ended with an error';
      return status.success && status.data.code === 410 ? new Gone(message) : new Error(message);
    }
    const parsed = metaSchema.safeParse(object);
    if (!parsed.success) return new Error(`the watch sent an object without resourceVersion (${phase})`);
    if (phase === 'DELETED') this.#options.sink.remove(object);
    else if (phase !== 'BOOKMARK') this.#options.sink.put(object);
    // Only now: an object that could not be taken in must come again.
    this.#resourceVersion = parsed.data.metadata.resourceVersion;
    this.#heard(phase === 'BOOKMARK' ? 'bookmark' : 'object');
    return undefined;
  }
}

/** client-node gives a refused watch as an Error with `statusCode`. */
function watchError(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(messageOf(error));
  return 'statusCode' in error && error.statusCode === 410 ? new Gone(error.message) : error;
}
