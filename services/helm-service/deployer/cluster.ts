/** Deploys with helm into a cluster, and tells what its API server says of the rollout. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ApisApi, AppsV1Api, CoreV1Api } from '@kubernetes/client-node';
import { messageOf, Transient } from '../../../lib/errors/classes.ts';
import { HelmError } from '../../../lib/helm/program.ts';
import { AGGREGATE } from '../../../lib/installation/access.ts';
import { Caller, statusOf } from '../../../lib/resources/kubernetes/calls.ts';
import { loadKubeConfig } from '../../../lib/resources/kubernetes/store.ts';
import type { Mesh } from '../charts/routes.ts';
import { Helm, type HelmSettings } from './helm.ts';
import { RolloutFailed, type Deployer, type Release, type Watching } from './port.ts';
import type { Trouble } from '../../../lib/resources/kubernetes/trouble.ts';
import { Rollouts, type Apis } from './rollout.ts';

const LOOK_MS = 1_000;
const MESH_MS = 60_000;
const NAMESPACE_MS = 5_000;

export interface ClusterSettings extends HelmSettings {
  /** What Kubernetes cannot do now it may be able to do soon (pull an image, add a node): how long trouble may last. */
  patienceSeconds: number;
  /** What moves traffic; undefined: what the cluster has. */
  mesh?: Mesh | undefined;
}

/** What was seen of a rollout last. */
interface Seen {
  said: string;
  trouble?: Trouble | undefined;
}

export class ClusterDeployer implements Deployer {
  readonly dryRun = false;
  readonly #helm: Helm;
  readonly #apis: Apis;
  readonly #rollouts: Rollouts;
  readonly #groups: ApisApi;
  readonly #mesh: Mesh | undefined;
  readonly #patienceMs: number;
  #found: { mesh: Mesh; until: number } | undefined;
  /** Until when a namespace need not be made again: many deliveries come to one at once. */
  readonly #ensured = new Map<string, number>();

  constructor({ mesh, patienceSeconds, ...settings }: ClusterSettings) {
    const config = loadKubeConfig(settings.kubeconfig);
    this.#patienceMs = patienceSeconds * 1000;
    this.#helm = new Helm(settings);
    this.#mesh = mesh;
    this.#groups = config.makeApiClient(ApisApi);
    this.#apis = {
      apps: config.makeApiClient(AppsV1Api),
      core: config.makeApiClient(CoreV1Api),
      caller: new Caller(),
    };
    this.#rollouts = new Rollouts(this.#apis);
  }

  async mesh(): Promise<Mesh> {
    if (this.#mesh) return this.#mesh;
    if (this.#found && Date.now() < this.#found.until) return this.#found.mesh;
    const { groups } = await this.#apis.caller.call('list api groups', (options) =>
      this.#groups.getAPIVersions(options),
    );
    const has = (group: string): boolean => groups.some(({ name }) => name === group);
    const mesh = has('networking.istio.io') ? 'istio' : has('gateway.networking.k8s.io') ? 'gateway-api' : 'none';
    this.#found = { mesh, until: Date.now() + MESH_MS };
    return mesh;
  }

  async ensureNamespace(name: string, injected: boolean): Promise<void> {
    const key = `${name} ${injected}`;
    if (Date.now() < (this.#ensured.get(key) ?? 0)) return;
    await this.#makeNamespace(name, injected);
    this.#ensured.set(key, Date.now() + NAMESPACE_MS);
  }

  async #makeNamespace(name: string, injected: boolean): Promise<void> {
    const { core, caller } = this.#apis;
    const labels = injected ? { 'istio-injection': 'enabled' } : {};
    const body = { metadata: { name, labels } };
    try {
      await caller.timed((options) => core.createNamespace({ body }, options));
    } catch (error) {
      if (statusOf(error) !== 409) throw new Transient(`namespace ${name}: ${messageOf(error)}`, { cause: error });
      if (!injected) return;
      await caller.call(
        `label namespace ${name}`,
        (options) => core.patchNamespace({ name, body: { metadata: { labels } } }, options),
        'merge',
      );
    }
  }

  render(release: Release): Promise<string> {
    return this.#helm.render(release);
  }

  async upgrade(release: Release, watching: Watching): Promise<void> {
    try {
      await this.#attempt(release, watching);
    } catch (error) {
      if (!(error instanceof HelmError) || !/another operation .* is in progress/.test(error.message)) throw error;
      await this.#helm.recover(release);
      await this.#attempt(release, watching);
    }
  }

  async select(namespace: string, service: string, selector: Readonly<Record<string, string>>): Promise<void> {
    const { core, caller } = this.#apis;
    const body = { spec: { selector } };
    await caller.call(
      `Service ${namespace}/${service}`,
      (options) => core.patchNamespacedService({ name: service, namespace, body }, options),
      'merge',
    );
  }

  /** Helm waits, and we look why it does: what it says itself when its time is over tells nothing. */
  async #attempt(release: Release, { signal, progress }: Watching): Promise<void> {
    const over = new AbortController();
    const seen: Seen = { said: '' };
    const giveUp = (trouble: Trouble): void => over.abort(new RolloutFailed(trouble.reason, trouble.message));
    const looking = this.#look(release, progress, over.signal, seen, giveUp);
    const stop = (): void => over.abort(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      await this.#helm.upgrade(release, over.signal);
      const line = await this.#rollouts.done(release);
      if (line !== '' && line !== seen.said) progress(line);
    } catch (error) {
      if (!(error instanceof HelmError) || /another operation/.test(error.message)) throw error;
      // Deleted since it was made: the next try makes it again.
      if (error.message.includes(`namespaces "${release.namespace}" not found`)) {
        this.#ensured.clear();
        throw new Transient(`helm: ${error.message}`, { cause: error });
      }
      if (isAway(error.message)) throw new Transient(`helm: ${error.message}`, { cause: error });
      await this.#settle(release);
      over.signal.throwIfAborted();
      const { trouble } = seen;
      throw new RolloutFailed(trouble?.reason ?? 'HelmFailed', trouble?.message ?? explained(error.message), {
        cause: error,
      });
    } finally {
      signal.removeEventListener('abort', stop);
      over.abort();
      await looking;
    }
  }

  async #look(
    release: Release,
    progress: (line: string) => void,
    signal: AbortSignal,
    seen: Seen,
    giveUp: (trouble: Trouble) => void,
  ): Promise<void> {
    let since: number | undefined;
    for (;;) {
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      // The API server may be away for a moment: helm will tell if it stays so.
      const rollout = await this.#rollouts.underWay(release).catch(() => undefined);
      if (!rollout) continue;
      const { line, trouble } = rollout;
      const text = trouble ? `${line}; ${trouble.reason}: ${trouble.message}` : line;
      if (text !== '' && text !== seen.said) progress(text);
      seen.said = text;
      seen.trouble = trouble;
      since = trouble ? (since ?? Date.now()) : undefined;
      if (trouble && (trouble.final || Date.now() - (since ?? 0) > this.#patienceMs)) return giveUp(trouble);
    }
  }

  /** After a failure, or when helm was stopped: with --atomic it has rolled back, or we do. */
  async #settle(release: Release): Promise<void> {
    const state = await this.#helm.state(release);
    if (state !== undefined && state !== 'deployed') await this.#helm.undo(release);
  }
}

/** With what to do, where the API server forbids a kind that the chart has. */
function explained(message: string): string {
  if (!/is forbidden: User "system:serviceaccount:/.test(message)) return message;
  const [label] = Object.entries(AGGREGATE).map((pair) => pair.join('='));
  return `${message}; to allow it, make a ClusterRole for it that has the label ${label}`;
}

/** What helm says when it does not reach the cluster. */
const isAway = (message: string): boolean =>
  /connection refused|Kubernetes cluster unreachable|i\/o timeout|TLS handshake timeout|context deadline exceeded \(Client/.test(
    message,
  );
