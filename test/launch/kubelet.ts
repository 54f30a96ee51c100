/**
 * Runs the pods of one namespace as processes of this machine, in the place of kubelets: a pod is ready when its process
 * answers its readiness probe, gets SIGTERM when it is deleted, and begins anew when it ends. Pods themselves are made,
 * scheduled and replaced by the real controllers. It proves nothing about images, security contexts, limits and
 * NetworkPolicies, which only a container has.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CoreV1Api, type V1PersistentVolumeClaim, type V1Pod, type V1Service } from '@kubernetes/client-node';
import { messageOf } from '../../lib/errors/classes.ts';
import { Caller, statusOf } from '../../lib/resources/kubernetes/calls.ts';
import { loadKubeConfig } from '../../lib/resources/kubernetes/store.ts';
import type { Programs } from './container.ts';
import { RunningPod, selects } from './pod.ts';
import { ServiceAddresses } from './service-addresses.ts';

const LOOK_MS = 250;

export interface KubeletSettings {
  kubeconfig: string;
  namespace: string;
  folder: string;
  programs: Programs;
}

/** How a pod ended that was asked to. */
export interface Ended {
  pod: string;
  /** Else it was still starting. */
  wasReady: boolean;
  /** Null after a signal. */
  codes: (number | null)[];
}

export class Kubelet {
  readonly #settings: KubeletSettings;
  readonly #api: CoreV1Api;
  readonly #caller = new Caller();
  readonly #addresses: ServiceAddresses;
  readonly #pods = new Map<string, RunningPod>();
  readonly #stop = new AbortController();
  readonly ended: Ended[] = [];
  #services: V1Service[] = [];
  #claims: V1PersistentVolumeClaim[] = [];
  #running: Promise<void> | undefined;
  #count = 0;

  constructor(settings: KubeletSettings) {
    this.#settings = settings;
    this.#api = loadKubeConfig(settings.kubeconfig).makeApiClient(CoreV1Api);
    this.#addresses = new ServiceAddresses(settings.namespace, (name, port) => this.#find(name, port));
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await Promise.all([...this.#pods.values()].map((pod) => pod.stop()));
    this.#addresses.close();
  }

  /** Where a Service of the namespace is reached from here. */
  async urlOf(service: string, port = 80): Promise<string> {
    return `http://127.0.0.1:${await this.#addresses.portOf(service, port)}`;
  }

  /** What the processes that are not ready wrote last. */
  output(): string {
    return [...this.#pods.values()]
      .filter(({ ready }) => !ready)
      .map(({ output }) => output)
      .join('\n');
  }

  async #run(): Promise<void> {
    let said = '';
    while (!this.#stop.signal.aborted) {
      try {
        await this.#look();
      } catch (error) {
        if (messageOf(error) !== said) console.error((said = messageOf(error)));
      }
      await sleep(LOOK_MS);
    }
  }

  async #look(): Promise<void> {
    const namespace = { namespace: this.#settings.namespace };
    const list = await Promise.all([
      this.#caller.timed((options) => this.#api.listNamespacedPod(namespace, options)),
      this.#caller.timed((options) => this.#api.listNamespacedService(namespace, options)),
      this.#caller.timed((options) => this.#api.listNamespacedPersistentVolumeClaim(namespace, options)),
    ]);
    const [pods, services, claims] = list;
    this.#services = services.items;
    this.#claims = claims.items;
    for (const claim of claims.items) await this.#provide(claim);
    const there = new Set(pods.items.map(({ metadata }) => metadata?.uid));
    for (const [uid, pod] of this.#pods) {
      if (there.has(uid)) continue;
      this.#pods.delete(uid);
      await pod.stop();
    }
    await Promise.all(pods.items.map((pod) => this.#sync(pod)));
  }

  async #sync(pod: V1Pod): Promise<void> {
    const uid = pod.metadata?.uid ?? '';
    const known = this.#pods.get(uid);
    if (pod.metadata?.deletionTimestamp !== undefined) {
      if (known?.stopping !== true) void this.#remove(pod, known);
      return;
    }
    if (pod.spec?.nodeName === undefined) return;
    if (!known) return this.#begin(uid, pod);
    if (await known.probe()) await this.#report(known);
  }

  async #begin(uid: string, pod: V1Pod): Promise<void> {
    const folder = join(this.#settings.folder, 'pods', uid);
    await mkdir(folder, { recursive: true });
    const { kubeconfig, programs } = this.#settings;
    const parts = { api: this.#api, kubeconfig, programs, folder, addresses: this.#addresses };
    const running = await RunningPod.of(pod, this.#services, { ...parts, volumeOf: (claim) => this.#volumeOf(claim) });
    this.#pods.set(uid, running);
    running.start().catch((error: unknown) => {
      // A Secret that is not there yet, say: it is tried again.
      running.failure = messageOf(error);
      this.#pods.delete(uid);
    });
  }

  async #remove(pod: V1Pod, running: RunningPod | undefined): Promise<void> {
    if (running) {
      const { name: one, ready: wasReady } = running;
      this.ended.push({ pod: one, wasReady, codes: await running.stop() });
    }
    const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
    const body = { gracePeriodSeconds: 0, preconditions: { uid } };
    await this.#caller
      .timed((options) => this.#api.deleteNamespacedPod({ name, namespace, body }, options))
      .catch((error: unknown) => {
        if (statusOf(error) !== 404 && statusOf(error) !== 409) console.error(messageOf(error));
      });
  }

  async #report({ pod, ready, restarts }: RunningPod): Promise<void> {
    const { name = '', namespace = '' } = pod.metadata ?? {};
    const at = new Date();
    const podIP = `10.244.0.${(this.#count = (this.#count % 250) + 1)}`;
    const status = ready ? 'True' : 'False';
    const conditions = [
      ...['PodScheduled', 'Initialized'].map((type) => ({ type, status: 'True', lastTransitionTime: at })),
      ...['ContainersReady', 'Ready'].map((type) => ({ type, status, lastTransitionTime: at })),
    ];
    const containerStatuses = pod.spec?.containers.map((container) => ({
      ...{ name: container.name, image: container.image ?? '', imageID: '' },
      ...{ ready, started: true, restartCount: restarts, state: { running: { startedAt: at } } },
    }));
    const body = { status: { phase: 'Running', podIP, podIPs: [{ ip: podIP }], conditions, containerStatuses } };
    await this.#caller.call(
      `cannot report pod ${name}`,
      (options) => this.#api.patchNamespacedPodStatus({ name, namespace, body }, options),
      'merge',
    );
  }

  #find(name: string, port: number): number | undefined {
    const service = this.#services.find(({ metadata }) => metadata?.name === name);
    const inside = service?.spec?.ports?.find((one) => one.port === port)?.targetPort;
    if (!service || inside === undefined) return undefined;
    const ready = [...this.#pods.values()].filter((running) => running.ready && selects(service, running.pod));
    return ready[Math.floor(Math.random() * ready.length)]?.portOf(Number(inside));
  }

  /** Folder of a claim's volume: another claim of its name has another one. */
  #volumeOf(name: string): string {
    const claim = this.#claims.find(({ metadata }) => metadata?.name === name);
    if (!claim) throw new Error(`there is no PersistentVolumeClaim ${name}`);
    return join(this.#settings.folder, 'volumes', claim.metadata?.uid ?? '');
  }

  /** The volume of a claim, as a provisioner makes it. */
  async #provide({ metadata, spec, status }: V1PersistentVolumeClaim): Promise<void> {
    if (status?.phase !== 'Pending' || metadata?.name === undefined) return;
    const { name, namespace = '', uid } = metadata;
    const path = this.#volumeOf(name);
    await mkdir(path, { recursive: true });
    const body = {
      metadata: { name: `volume-${uid}` },
      spec: {
        accessModes: spec?.accessModes ?? [],
        capacity: spec?.resources?.requests ?? {},
        hostPath: { path },
        claimRef: { kind: 'PersistentVolumeClaim', name, namespace, ...(uid !== undefined && { uid }) },
        ...(spec?.storageClassName !== undefined && { storageClassName: spec.storageClassName }),
        persistentVolumeReclaimPolicy: 'Retain',
      },
    };
    await this.#caller
      .timed((options) => this.#api.createPersistentVolume({ body }, options))
      .catch((error: unknown) => {
        if (statusOf(error) !== 409) throw error;
      });
  }
}
