/** A pod whose containers are processes: its volumes, environment and ServiceAccount are those of its template. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CoreV1Api, V1Container, V1Pod, V1Service } from '@kubernetes/client-node';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { freePort } from '../../tools/real-parts/free-port.ts';
import type { ManagedProcess } from '../../tools/real-parts/managed-process.ts';
import { answers, inFolders, processOf, type Programs, type Surroundings } from './container.ts';
import type { ServiceAddresses } from './service-addresses.ts';

export interface PodParts {
  api: CoreV1Api;
  /** Of somebody who may do everything; only the address of the API server is taken from it. */
  kubeconfig: string;
  addresses: ServiceAddresses;
  programs: Programs;
  /** Folder of the pod. */
  folder: string;
  /** Folder of a claim's volume. */
  volumeOf(claim: string): string;
}

/** Of the Pod, after which Kubernetes would kill it. */
const GRACE_MS = 30_000;
const clusterSchema = z.looseObject({ clusters: z.array(z.unknown()), contexts: z.array(z.unknown()) });

export class RunningPod {
  readonly pod: V1Pod;
  readonly #parts: PodParts;
  readonly #ports: Map<number, number>;
  readonly #processes = new Map<string, ManagedProcess>();
  ready = false;
  restarts = 0;
  /** Why it does not run; undefined while it does. */
  failure: string | undefined;
  #stopping: Promise<(number | null)[]> | undefined;

  private constructor(pod: V1Pod, parts: PodParts, ports: Map<number, number>) {
    this.pod = pod;
    this.#parts = parts;
    this.#ports = ports;
  }

  /** `services`: of its namespace; what they lead to is a port of the pod. */
  static async of(pod: V1Pod, services: readonly V1Service[], parts: PodParts): Promise<RunningPod> {
    const ofContainers = (pod.spec?.containers ?? []).flatMap(({ ports = [], readinessProbe, livenessProbe }) => [
      ...ports.map(({ containerPort }) => containerPort),
      ...[readinessProbe, livenessProbe].map((probe) => Number((probe?.httpGet ?? probe?.tcpSocket)?.port)),
    ]);
    const ofServices = services
      .filter((service) => selects(service, pod))
      .flatMap(({ spec }) => spec?.ports?.map(({ targetPort }) => Number(targetPort)) ?? []);
    const inside = [...new Set([...ofContainers, ...ofServices])].filter((port) => port > 0);
    return new RunningPod(
      pod,
      parts,
      new Map(await Promise.all(inside.map(async (port) => [port, await freePort()] as const))),
    );
  }

  get name(): string {
    return this.pod.metadata?.name ?? '';
  }

  get stopping(): boolean {
    return this.#stopping !== undefined;
  }

  portOf(inside: number): number | undefined {
    return this.#ports.get(inside);
  }

  get output(): string {
    return [...this.#processes.values()]
      .map((one) => `${this.name}: ${this.failure ?? ''}\n${one.output()}`)
      .join('\n');
  }

  /** Begins each container, and begins it anew when it ends. */
  async start(): Promise<void> {
    const spec = this.pod.spec;
    const token = spec?.automountServiceAccountToken === true ? await this.#kubeconfig() : {};
    for (const container of spec?.containers ?? []) {
      const mounts = await this.#mounts(container);
      const env = { ...(await this.#env(container, mounts)), ...token };
      const process = await processOf(container, { mounts, ports: this.#ports, env }, this.#parts.programs);
      if (this.#stopping) return;
      this.#processes.set(container.name, process);
      void this.#keepRunning(process);
    }
  }

  /** Asks the probes; true when the answer is another than before. */
  async probe(): Promise<boolean> {
    const { containers = [] } = this.pod.spec ?? {};
    const probed = await Promise.all(
      containers.map(
        async ({ name, readinessProbe }) => this.#processes.has(name) && (await answers(readinessProbe, this.#ports)),
      ),
    );
    const before = this.ready;
    this.ready = this.#stopping === undefined && probed.every(Boolean);
    return this.ready !== before;
  }

  /** SIGTERM to all; SIGKILL to who does not end in time. The exit codes, null after a signal. */
  stop(): Promise<(number | null)[]> {
    this.ready = false;
    return (this.#stopping ??= Promise.all([...this.#processes.values()].map((one) => end(one))));
  }

  async #keepRunning(process: ManagedProcess): Promise<void> {
    while (!this.#stopping) {
      try {
        await process.start();
        await process.ended();
      } catch (error) {
        this.failure = String(error);
      }
      if (this.#stopping) return;
      this.restarts += 1;
      // As a kubelet does, which waits longer.
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
  }

  async #mounts({ volumeMounts = [] }: V1Container): Promise<Map<string, string>> {
    const folders = await Promise.all(
      volumeMounts.map(async ({ name, mountPath, subPath = '' }) => {
        const folder = join(await this.#volume(name), subPath);
        await mkdir(folder, { recursive: true });
        return [mountPath, folder] as const;
      }),
    );
    const mounts = new Map(folders);
    for (const { name, mountPath } of volumeMounts) await this.#writeConfig(name, mounts.get(mountPath) ?? '', mounts);
    return mounts;
  }

  async #volume(name: string): Promise<string> {
    const volume = this.pod.spec?.volumes?.find((one) => one.name === name);
    const claim = volume?.persistentVolumeClaim?.claimName;
    return claim === undefined ? join(this.#parts.folder, name) : this.#parts.volumeOf(claim);
  }

  /** Paths and addresses in a file of a ConfigMap become those of this machine. */
  async #writeConfig(volume: string, folder: string, mounts: Surroundings['mounts']): Promise<void> {
    const name = this.pod.spec?.volumes?.find((one) => one.name === volume)?.configMap?.name;
    if (name === undefined) return;
    const { data = {} } = await this.#parts.api.readNamespacedConfigMap({ name, namespace: this.#namespace });
    for (const [file, text] of Object.entries(data)) {
      const here = text
        .replace(/0\.0\.0\.0:(\d+)/g, (_whole, port: string) => `127.0.0.1:${this.#ports.get(Number(port)) ?? 0}`)
        .replace(/(?<=: )\/\S+/g, (path) => inFolders(path, mounts));
      await writeFile(join(folder, file), here);
    }
  }

  async #env({ env = [], envFrom = [] }: V1Container, mounts: Surroundings['mounts']): Promise<Record<string, string>> {
    const values: Record<string, string> = {};
    for (const { secretRef } of envFrom) {
      if (secretRef?.name !== undefined) Object.assign(values, await this.#secret(secretRef.name, secretRef.optional));
    }
    for (const { name, value = '', valueFrom } of env) {
      const { secretKeyRef, fieldRef } = valueFrom ?? {};
      if (secretKeyRef) {
        const secret = await this.#secret(secretKeyRef.name ?? '', secretKeyRef.optional);
        const found = secret[secretKeyRef.key];
        if (found !== undefined) values[name] = found;
        else if (!secretKeyRef.optional) throw new Error(`Secret ${secretKeyRef.name} has no key ${secretKeyRef.key}`);
      } else if (fieldRef) {
        const field = z.enum(['name', 'namespace']).parse(fieldRef.fieldPath.replace('metadata.', ''));
        values[name] = this.pod.metadata?.[field] ?? '';
      } else {
        const expanded = value.replace(/\$\((\w+)\)/g, (whole, other: string) => values[other] ?? whole);
        values[name] = await this.#parts.addresses.rewrite(inFolders(expanded, mounts));
      }
    }
    return values;
  }

  async #secret(name: string, optional = false): Promise<Record<string, string>> {
    try {
      const { data = {} } = await this.#parts.api.readNamespacedSecret({ name, namespace: this.#namespace });
      return Object.fromEntries(
        Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
      );
    } catch (error) {
      if (optional) return {};
      throw error;
    }
  }

  /** Of the pod's ServiceAccount: in a pod its token lies in a file of its own. */
  async #kubeconfig(): Promise<Record<string, string>> {
    const name = this.pod.spec?.serviceAccountName ?? 'default';
    const request = { name, namespace: this.#namespace, body: { spec: { audiences: [] } } };
    const { status } = await this.#parts.api.createNamespacedServiceAccountToken(request);
    const cluster = clusterSchema.parse(parse(await readFile(this.#parts.kubeconfig, 'utf8')));
    const [context] = z.array(z.object({ context: z.object({ user: z.string() }) })).parse(cluster.contexts);
    const users = [{ name: context?.context.user, user: { token: status?.token } }];
    const file = join(this.#parts.folder, 'kubeconfig');
    await writeFile(file, stringify({ ...cluster, users }), { mode: 0o600 });
    return { KUBECONFIG: file };
  }

  get #namespace(): string {
    return this.pod.metadata?.namespace ?? '';
  }
}

export function selects({ spec }: V1Service, { metadata }: V1Pod): boolean {
  const selector = Object.entries(spec?.selector ?? {});
  return selector.length > 0 && selector.every(([key, value]) => metadata?.labels?.[key] === value);
}

async function end(process: ManagedProcess): Promise<number | null> {
  const late = setTimeout(() => process.signal('SIGKILL'), GRACE_MS);
  const code = await process.end('SIGTERM');
  clearTimeout(late);
  return code;
}
