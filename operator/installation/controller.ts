/** Follows Keptn objects and the workloads of the installation, and has each change reconciled: one object at a time. */
import { CoreV1Api, type KubeConfig } from '@kubernetes/client-node';
import { KeptnError, messageOf } from '../../lib/errors/classes.ts';
import { PART_OF } from '../../lib/installation/installation.ts';
import { keptnSchema, type Keptn } from '../../lib/model/keptn.ts';
import { GROUP, VERSION } from '../../lib/model/kind.ts';
import { keyOf, nameOf } from '../../lib/model/object.ts';
import type { Logger } from '../../lib/observe/log.ts';
import type { OperatorMetrics } from '../../lib/observe/metrics.ts';
import { Caller } from '../../lib/resources/kubernetes/calls.ts';
import { Mirror } from '../../lib/resources/kubernetes/mirror.ts';
import { ObjectClient } from '../../lib/resources/kubernetes/objects.ts';
import { MANAGER, OperatorWrites } from '../../lib/resources/kubernetes/operator-writes.ts';
import { KeyQueue } from '../queue.ts';
import { AGAIN_MS, Applier, labelSelector } from './apply.ts';
import { Istio } from './istio.ts';
import { reconcile, type InstallationParts } from './reconcile.ts';
import { workloadSchema, type Workload } from './workloads.ts';

/** What Kubernetes does not tell of by a change of the workload: why a pod does not start. */
const UNSETTLED_MS = 5_000;
/** Until a chart of Istio has to be ready: images are large, and a load balancer is made. */
const ISTIO_SECONDS = 300;

export interface InstallationOptions {
  config: KubeConfig;
  namespace: string;
  image: string | undefined;
  /** The helm program. */
  helm: string;
  /** The installation of the namespace is declared otherwise, or not any more. */
  onDeclared: (keptn: Keptn | undefined) => void;
  log: Logger;
  metrics: OperatorMetrics;
}

export class InstallationController {
  readonly #options: InstallationOptions;
  readonly #keptns: Mirror<Keptn>;
  readonly #workloads: Readonly<Record<string, Mirror<Workload>>>;
  readonly #parts: InstallationParts;
  readonly #istio: Istio;
  readonly #queue: KeyQueue;
  #listed = false;

  constructor(options: InstallationOptions) {
    const { config, namespace, image, helm, log, metrics } = options;
    const caller = new Caller();
    const objects = new ObjectClient(config, MANAGER);
    const core = config.makeApiClient(CoreV1Api);
    const labels = labelSelector(PART_OF);
    const mirror = { config, caller, log };
    this.#options = options;
    this.#queue = new KeyQueue('installation', metrics);
    this.#keptns = new Mirror({
      ...{ ...mirror, schema: keptnSchema, followed: { group: GROUP, version: VERSION, plural: 'keptns' } },
      onChange: (ref) => {
        this.#queue.add(keyOf(ref));
        options.onDeclared(this.installed);
      },
    });
    const workloads = (plural: string): Mirror<Workload> =>
      new Mirror({
        ...{ ...mirror, schema: workloadSchema },
        followed: { group: 'apps', version: 'v1', plural, namespace, labelSelector: labels },
        onChange: () => this.#enqueueAll(),
      });
    this.#workloads = { Deployment: workloads('deployments'), StatefulSet: workloads('statefulsets') };
    this.#istio = new Istio({
      ...{ config, objects, namespace, helm, log, timeoutSeconds: ISTIO_SECONDS },
      wake: () => this.#enqueueAll(),
    });
    this.#parts = {
      ...{ namespace, image, objects, log, istio: this.#istio },
      applier: new Applier(objects),
      writes: new OperatorWrites({ config, caller, log }),
      workload: (kind, ref) => this.#workloads[kind]?.get(ref),
      pods: async () => {
        const request = { namespace, labelSelector: labels };
        const found = await caller.call('list pods', (given) => core.listNamespacedPod(request, given));
        return found.items;
      },
    };
  }

  /** Follows until the signal; resolves when everything is listed. */
  async follow(signal: AbortSignal): Promise<void> {
    const mirrors = [this.#keptns, ...Object.values(this.#workloads)];
    for (const mirror of mirrors) void mirror.run(signal);
    await Promise.all(mirrors.map(({ listed }) => listed));
    this.#listed = true;
  }

  get listed(): boolean {
    return this.#listed;
  }

  /** The installation of this namespace, as it is declared. */
  get installed(): Keptn | undefined {
    return this.#keptns.get({ namespace: this.#options.namespace, name: 'keptn' });
  }

  /** Resolves after `stop`, when the last work has ended. */
  async run(): Promise<void> {
    this.#enqueueAll();
    await this.#queue.run(1, (key) => this.#work(key));
    await this.#istio.close();
  }

  stop(): void {
    this.#queue.close();
  }

  #enqueueAll(): void {
    for (const { metadata } of this.#keptns.list()) this.#queue.add(keyOf(metadata));
  }

  async #work(key: string): Promise<void> {
    const [namespace = '', name = ''] = key.split('/');
    const keptn = this.#keptns.get({ namespace, name });
    if (!keptn) return;
    const { metrics, log } = this.#options;
    const end = metrics.reconcileSeconds.startTimer({ controller: 'keptn' });
    try {
      const result = await reconcile(this.#parts, keptn);
      metrics.reconciles.inc({ controller: 'keptn', result: result === 'unsettled' ? 'waiting' : 'success' });
      this.#queue.forget(key);
      if (result !== 'gone') this.#queue.addAfter(key, result === 'settled' ? AGAIN_MS : UNSETTLED_MS);
    } catch (error) {
      const isKnown = error instanceof KeptnError;
      metrics.reconciles.inc({ controller: 'keptn', result: isKnown ? 'transient' : 'bug' });
      const line = { key: nameOf(keptn), ...(isKnown ? { reason: messageOf(error) } : { err: error }) };
      log[isKnown ? 'warn' : 'error'](line, 'installation is not as declared yet, retrying');
      this.#queue.retry(key);
    } finally {
      end();
    }
  }
}
