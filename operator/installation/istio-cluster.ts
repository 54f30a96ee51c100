/** What the operator asks a cluster of Istio, by its own rights; and by those of the installer, once they were given. */
import { AppsV1Api, CoreV1Api, KubeConfig, setHeaderOptions, type V1Deployment } from '@kubernetes/client-node';
import { z } from 'zod';
import { Transient } from '../../lib/errors/classes.ts';
import { MANAGED, versionOf, type KubeObject } from '../../lib/installation/installation.ts';
import {
  ISTIO_INSTALLER,
  ISTIO_NAMESPACE,
  ISTIOD,
  istioReleaseNames,
  PUBLIC_GATEWAY,
} from '../../lib/installation/istio.ts';
import { Caller, sentenceOf, statusOf } from '../../lib/resources/kubernetes/calls.ts';
import type { ObjectClient } from '../../lib/resources/kubernetes/objects.ts';

/** Label of a release: what it was made from. */
export const DESIRED = 'keptn.sh/desired';

const gateway = { apiVersion: 'networking.istio.io/v1beta1', kind: 'Gateway', metadata: PUBLIC_GATEWAY };
const labelled = z.object({ metadata: z.object({ labels: z.record(z.string(), z.string()).default({}) }) });
/** An empty list of metadata comes as null. */
const labelledList = z.object({ items: z.array(labelled).nullable() });
/** Of the answer the labels alone: with its data, a release of Istio has a megabyte. */
const METADATA = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

export interface ControlPlane {
  /** Undefined where its Deployment does not tell. */
  version: string | undefined;
  /** True: our release has made it. */
  ours: boolean;
  available: boolean;
}

export interface ReleaseState {
  /** As helm has it: deployed, pending-upgrade … */
  status: string;
  /** What it was made from. */
  digest: string | undefined;
}

export class IstioCluster {
  readonly #config: KubeConfig;
  readonly #namespace: string;
  readonly #objects: ObjectClient;
  readonly #apps: AppsV1Api;
  readonly #core: CoreV1Api;
  readonly #caller = new Caller();

  /** `namespace`: of the operator, where the installer's account is. */
  constructor(config: KubeConfig, objects: ObjectClient, namespace: string) {
    this.#config = config;
    this.#objects = objects;
    this.#namespace = namespace;
    this.#apps = config.makeApiClient(AppsV1Api);
    this.#core = config.makeApiClient(CoreV1Api);
  }

  async controlPlane(): Promise<ControlPlane | undefined> {
    const where = { name: ISTIOD, namespace: ISTIO_NAMESPACE };
    const found = await unlessAway(this.#caller, 'Deployment istiod', (options) =>
      this.#apps.readNamespacedDeployment(where, options),
    );
    return found && controlPlaneOf(found);
  }

  hasKinds(): Promise<boolean> {
    return this.#objects.knows(gateway);
  }

  /** Made where it is missing, put back where it is ours; another's is left alone. Rejects with Terminal where it is refused. */
  async ensureGateway(wanted: KubeObject): Promise<void> {
    const found = await this.#objects.read(gateway);
    if (!found || isOurs(found)) await this.#objects.apply(wanted);
  }

  /** Unless it is another's. */
  async removeGateway(): Promise<void> {
    const found = (await this.hasKinds()) ? await this.#objects.read(gateway) : undefined;
    if (found && isOurs(found)) await this.#objects.remove(found);
  }

  /** Access to the cluster for `seconds`; undefined while nobody has given it. */
  async installer(seconds: number): Promise<InstallerAccess | undefined> {
    const cluster = this.#config.getCurrentCluster();
    if (!cluster) throw new Transient('the kubeconfig names no cluster');
    const where = { name: ISTIO_INSTALLER, namespace: this.#namespace };
    const spec = { audiences: [], expirationSeconds: seconds };
    const request = await unlessAway(
      this.#caller,
      `token of ${ISTIO_INSTALLER}`,
      (options) => this.#core.createNamespacedServiceAccountToken({ ...where, body: { spec } }, options),
      [403, 404],
    );
    const token = request?.status?.token;
    if (token === undefined) return undefined;
    const config = new KubeConfig();
    config.loadFromClusterAndUser(cluster, { name: ISTIO_INSTALLER, token });
    return new InstallerAccess(config);
  }
}

export class InstallerAccess {
  readonly #config: KubeConfig;
  readonly #caller = new Caller();

  constructor(config: KubeConfig) {
    this.#config = config;
  }

  /** With the token: for a file that nobody else may read. */
  kubeconfig(): string {
    return this.#config.exportConfig();
  }

  /** Our releases by name, each as its last revision is; undefined where the installer has no rights (any more). */
  async releases(): Promise<Map<string, ReleaseState> | undefined> {
    const core = this.#config.makeApiClient(CoreV1Api);
    const names = Object.values(istioReleaseNames).join(', ');
    const list = await unlessAway(
      this.#caller,
      'releases of Istio',
      (options) =>
        core.listNamespacedSecret(
          { namespace: ISTIO_NAMESPACE, labelSelector: `owner=helm, name in (${names})` },
          setHeaderOptions('Accept', METADATA, options),
        ),
      [401, 403],
    );
    if (!list) return undefined;
    const revisions = (labelledList.parse(list).items ?? [])
      .map(({ metadata }) => metadata.labels)
      .sort((one, other) => Number(one['version']) - Number(other['version']));
    return new Map(
      revisions.map((labels) => [
        labels['name'] ?? '',
        { status: labels['status'] ?? 'unknown', digest: labels[DESIRED] },
      ]),
    );
  }

  /** A control plane that is not ours, wherever and however it is called. */
  async otherControlPlane(): Promise<ControlPlane | undefined> {
    const apps = this.#config.makeApiClient(AppsV1Api);
    const { items } = await this.#caller.call('Deployments of istiod', (options) =>
      apps.listDeploymentForAllNamespaces({ labelSelector: `app=${ISTIOD}` }, options),
    );
    return items.map(controlPlaneOf).find(({ ours }) => !ours);
  }
}

function isOurs({ metadata }: KubeObject): boolean {
  return Object.entries(MANAGED).every(([key, value]) => metadata.labels?.[key] === value);
}

/** Undefined when the API server answers with one of these. */
async function unlessAway<T>(
  caller: Caller,
  what: string,
  run: Parameters<typeof caller.timed<T>>[0],
  away: readonly number[] = [404],
): Promise<T | undefined> {
  try {
    return await caller.timed(run);
  } catch (error) {
    const status = statusOf(error);
    if (status !== undefined && away.includes(status)) return undefined;
    throw new Transient(`${what}: ${sentenceOf(error)}`, { cause: error });
  }
}

function controlPlaneOf({ metadata, spec, status }: V1Deployment): ControlPlane {
  const image = spec?.template.spec?.containers[0]?.image;
  return {
    version: metadata?.labels?.['app.kubernetes.io/version'] ?? (image === undefined ? undefined : versionOf(image)),
    ours: metadata?.annotations?.['meta.helm.sh/release-name'] === istioReleaseNames.istiod,
    available: (status?.availableReplicas ?? 0) > 0,
  };
}
