/** An operator that makes installations in a namespace of its own, on a cluster with simulated nodes. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDocument, stringify } from 'yaml';
import { temporaryFolder } from '../../tools/real-parts/temporary.ts';
import { startApiServer, type ApiServer } from './api-server.ts';
import { nodeProcess, root, type NodeProcess } from './node-process.ts';
import { startNodes } from './nodes.ts';

export const NAMESPACE = 'keptn';

export interface Installer {
  api: ApiServer;
  operator: NodeProcess;
  /** In the namespace of the operator. */
  kubectl(...args: string[]): Promise<string>;
  /** Applies the Keptn object with this spec. */
  declare(spec: object): Promise<void>;
  apply(...objects: object[]): Promise<void>;
  /** File of a kubeconfig that acts as this user, who has the rights of nobody yet. */
  kubeconfigAs(user: string): Promise<string>;
  ready(seconds?: number): Promise<void>;
  /** How often this operator has found a kind as declared. */
  successes(controller: string): Promise<number>;
  stop(): Promise<void>;
}

/** Nobody makes volumes on simulated nodes: these are there for whoever claims one. */
const volumes = Array.from({ length: 6 }, (_, nth) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name: `volume-${nth}` },
  spec: {
    capacity: { storage: '10Gi' },
    accessModes: ['ReadWriteOnce'],
    persistentVolumeReclaimPolicy: 'Retain',
    hostPath: { path: `/tmp/volume-${nth}` },
  },
}));

export async function startInstaller(env: Record<string, string> = {}): Promise<Installer> {
  const api = await startApiServer();
  const folder = await temporaryFolder('installer');
  const nodes = await startNodes(api);
  const kubectl = (...args: string[]): Promise<string> => api.kubectl('--namespace', NAMESPACE, ...args);
  const apply = async (...objects: object[]): Promise<void> => {
    const file = join(folder, 'objects.yaml');
    await writeFile(file, objects.map((object) => stringify(object)).join('---\n'));
    await api.kubectl('apply', '--server-side', '-f', file);
  };
  await kubectl('apply', '-k', join(root, 'crds'));
  await kubectl('wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all');
  await kubectl('create', 'namespace', NAMESPACE);
  await apply(...volumes);
  const operator = await nodeProcess('operator', {
    env: {
      ...{ KUBECONFIG: api.kubeconfig, KEPTN_LISTEN_HOST: '127.0.0.1', POD_NAMESPACE: NAMESPACE, LOG_LEVEL: 'error' },
      // Nobody listens there: an installation does not need the bus that it brings up.
      ...{ NATS_URL: 'nats://127.0.0.1:1', KEPTN_CONFIGURATION_SERVICE: 'http://127.0.0.1:1', ...env },
    },
    port: 'KEPTN_HEALTH_PORT',
    ready: '/healthz',
  });
  await operator.start();
  return {
    api,
    operator,
    kubectl,
    apply,
    declare: (spec) =>
      apply({
        apiVersion: 'keptn.sh/v1alpha1',
        kind: 'Keptn',
        metadata: { name: 'keptn', namespace: NAMESPACE },
        spec,
      }),
    async kubeconfigAs(user) {
      const config = parseDocument(await readFile(api.kubeconfig, 'utf8'));
      config.setIn(['users', 0, 'user', 'as'], user);
      const file = join(folder, `kubeconfig-${user}`);
      await writeFile(file, config.toString(), { mode: 0o600 });
      return file;
    },
    async ready(seconds = 90) {
      const wait = ['wait', '--for=condition=Ready', 'keptns.keptn.sh/keptn', `--timeout=${seconds}s`];
      try {
        await kubectl(...wait);
      } catch (error) {
        const found = await kubectl('get', 'keptns.keptn.sh/keptn', '-o', 'yaml');
        throw new Error(`${found}\n${operator.output()}`, { cause: error });
      }
    },
    async successes(controller) {
      const metrics = await (await fetch(`${operator.url}/metrics`)).text();
      const labels = `controller="${controller}",result="success"`;
      return Number(metrics.split(`controller_runtime_reconcile_total{${labels}} `)[1]?.split('\n')[0] ?? 0);
    },
    async stop() {
      await operator.end('SIGKILL');
      await nodes.stop();
      await api.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
