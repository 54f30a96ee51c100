/**
 * Istio, brought about by its Helm charts where the installation asks for it, and left alone where it is there already.
 * Helm may take minutes: it runs beside the reconciliations, one run at a time, and wakes the reconciler when it has news.
 */
import type { KubeConfig } from '@kubernetes/client-node';
import { backoffMs } from '../../lib/bus/backoff.ts';
import { messageOf, Terminal } from '../../lib/errors/classes.ts';
import type { IngressType } from '../../lib/installation/installation.ts';
import {
  ISTIO,
  istioReleaseNames,
  istioReleases,
  publicGateway,
  type IstioRelease,
} from '../../lib/installation/istio.ts';
import type { KeptnSpec } from '../../lib/model/keptn.ts';
import type { Logger } from '../../lib/observe/log.ts';
import type { ObjectClient } from '../../lib/resources/kubernetes/objects.ts';
import { IstioCluster, type ControlPlane, type InstallerAccess, type ReleaseState } from './istio-cluster.ts';
import { installIstio, removeIstio, type IstioRunParts, type IstioRunSettings } from './istio-run.ts';
import type { Health } from './workloads.ts';

export interface IstioParts extends IstioRunSettings {
  config: KubeConfig;
  objects: ObjectClient;
  /** Of the operator. */
  namespace: string;
  log: Logger;
  /** Has the installation reconciled again, which happens now and then as long as Istio is not as declared. */
  wake: () => void;
}

/** The end of a run that failed. */
interface Failure {
  /** Of what. */
  task: string;
  attempts: number;
  message: string;
  /** When it may be tried again, in ms. */
  until: number;
}

interface Run {
  kind: 'install' | 'remove';
  line: string;
  stop: AbortController;
  done: Promise<void>;
}

const RETRY = { firstMs: 10_000, maxMs: 600_000 };
/** A kubectl command that gives the operator what it needs. */
const PERMIT = 'kubectl apply -k install/istio';

export class Istio {
  readonly #parts: IstioParts;
  readonly #cluster: IstioCluster;
  #run: Run | undefined;
  #failure: Failure | undefined;

  constructor(parts: IstioParts) {
    this.#parts = parts;
    this.#cluster = new IstioCluster(parts.config, parts.objects, parts.namespace);
  }

  /**
   * Has Istio become as the spec says, and tells how it is; undefined where it is not asked for. `ingress`: what the
   * installation is reached by. Rejects with Transient when the API server does not answer.
   */
  async reconcile(spec: KeptnSpec, ingress: IngressType): Promise<Health | undefined> {
    const { istio } = spec;
    const found = await this.#cluster.controlPlane();
    if (!istio.install) {
      if (ingress !== 'Istio') return undefined;
      if (found || (await this.#cluster.hasKinds())) return this.#there(spec, found);
      return state(
        'False',
        'NotInstalled',
        'Istio is not there: install it, or set spec.istio.install to true, or choose another spec.ingress.type',
      );
    }
    if (found && !found.ours) return this.#there(spec, found);
    if (this.#run) return progressing(this.#run);
    const access = await this.#access();
    if (!access) return this.#withoutAccess(spec, found);
    const other = found ? undefined : await access.installer.otherControlPlane();
    if (other) return this.#there(spec, other);
    const wanted = istioReleases(istio);
    const due = wanted.filter((release) => isDue(release, access.releases, found));
    if (due.length === 0) return this.#installed(spec, found);
    const task = wanted.map(({ digest }) => digest).join();
    return this.#begin('install', task, access, (parts) => installIstio(due, parts));
  }

  /** Takes away what was installed; undefined when nothing of it is there. For an installation that is deleted with all it has. */
  async remove(): Promise<Health | undefined> {
    // What is being installed is not wanted any more.
    if (this.#run?.kind === 'install') this.#run.stop.abort();
    if (this.#run) return progressing(this.#run);
    await this.#cluster.removeGateway();
    const access = await this.#access();
    if (!access) {
      if (!(await this.#cluster.controlPlane())?.ours) return undefined;
      return state('False', 'NotPermitted', `Istio can be removed once the operator may: ${PERMIT}`);
    }
    const names = Object.values(istioReleaseNames)
      .toReversed()
      .filter((name) => access.releases.has(name));
    if (names.length === 0) return undefined;
    return this.#begin('remove', 'remove', access, (parts) => removeIstio(names, parts));
  }

  /** Asks helm to stop, which rolls back what it is at. */
  async close(): Promise<void> {
    this.#run?.stop.abort();
    await this.#run?.done;
  }

  async #access(): Promise<{ installer: InstallerAccess; releases: Map<string, ReleaseState> } | undefined> {
    // Helm waits twice when it has to roll back, for each of the releases.
    const installer = await this.#cluster.installer(this.#parts.timeoutSeconds * 6 + 600);
    const releases = await installer?.releases();
    return installer && releases && { installer, releases };
  }

  async #there(spec: KeptnSpec, found: ControlPlane | undefined): Promise<Health> {
    const refused = await this.#ensureGateway(spec);
    if (refused) return refused;
    const version = found?.version === undefined ? '' : ` ${found.version}`;
    return state('True', 'AlreadyThere', `Istio${version} is there already, and is left alone`);
  }

  async #installed(spec: KeptnSpec, found: ControlPlane | undefined): Promise<Health> {
    this.#failure = undefined;
    const refused = await this.#ensureGateway(spec);
    if (refused) return refused;
    if (!found?.available) return state('False', 'NotAvailable', 'no pod of istiod is ready');
    return state('True', 'Installed', `Istio ${spec.istio.version} is installed`);
  }

  /** What was installed works on without the rights that it was installed with; a change needs them. */
  async #withoutAccess(spec: KeptnSpec, found: ControlPlane | undefined): Promise<Health> {
    if (found?.version === spec.istio.version) return this.#installed(spec, found);
    const change = found ? `upgraded to ${spec.istio.version}` : 'installed';
    return state('False', 'NotPermitted', `Istio can be ${change} once the operator may: ${PERMIT}`);
  }

  /** How it is, where that is not as it should be. */
  async #ensureGateway(spec: KeptnSpec): Promise<Health | undefined> {
    const gateway = publicGateway(spec);
    try {
      if (gateway) await this.#cluster.ensureGateway(gateway);
      return undefined;
    } catch (error) {
      if (error instanceof Terminal) return state('False', error.code, error.message);
      throw error;
    }
  }

  /** Begins to work, unless the same has failed a moment ago. */
  #begin(
    kind: Run['kind'],
    task: string,
    { installer, releases }: { installer: InstallerAccess; releases: Map<string, ReleaseState> },
    work: (parts: IstioRunParts) => Promise<void>,
  ): Health {
    const { helm, timeoutSeconds, log, wake } = this.#parts;
    const failure = this.#failure?.task === task ? this.#failure : undefined;
    if (failure && Date.now() < failure.until) {
      const again = new Date(failure.until).toISOString();
      return state('False', 'HelmFailed', `${failure.message}; tried again at ${again}`);
    }
    const stop = new AbortController();
    const run: Run = { kind, line: 'helm is at work', stop, done: Promise.resolve() };
    const progress = (line: string): void => {
      run.line = line;
      log.info({ component: ISTIO }, line);
      wake();
    };
    run.done = work({ helm, timeoutSeconds, access: installer, releases, progress, signal: stop.signal })
      .then(
        () => (this.#failure = undefined),
        (error: unknown) => {
          if (!stop.signal.aborted) this.#failed(task, failure, error);
        },
      )
      .then(() => {
        this.#run = undefined;
        wake();
      });
    this.#run = run;
    return progressing(run);
  }

  #failed(task: string, before: Failure | undefined, error: unknown): void {
    const attempts = (before?.attempts ?? 0) + 1;
    const message = messageOf(error);
    this.#failure = { task, attempts, message, until: Date.now() + backoffMs(attempts, RETRY) };
    this.#parts.log.warn({ component: ISTIO, reason: message, attempts }, 'helm has failed');
  }
}

function isDue({ name, digest }: IstioRelease, releases: Map<string, ReleaseState>, found?: ControlPlane): boolean {
  const release = releases.get(name);
  // Deleted by hand, it is put back.
  const missing = name === istioReleaseNames.istiod && !found;
  return release?.status !== 'deployed' || release.digest !== digest || missing;
}

const progressing = ({ line }: Run): Health => state('Unknown', 'Progressing', line);

const state = (status: Health['status'], reason: string, message: string): Health => ({
  component: ISTIO,
  status,
  reason,
  message,
});
