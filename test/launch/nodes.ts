/** Controllers, scheduler and three simulated nodes for an API server: Deployments become available on it. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { prepareNodes, type NodesOptions } from '../../tools/real-parts/control-plane.ts';
import { simulatedNodes } from '../../tools/real-parts/simulated-nodes.ts';
import { temporaryFolder } from '../../tools/real-parts/temporary.ts';
import type { ApiServer } from './api-server.ts';
import { root } from './node-process.ts';

export async function startNodes(
  api: Pick<ApiServer, 'kubeconfig' | 'kubectl'>,
  options: NodesOptions = {},
): Promise<{ stop(): Promise<void> }> {
  const parts = await prepareNodes(api, options);
  for (const part of parts) await part.start();
  const folder = await temporaryFolder('nodes');
  const manifest = join(folder, 'nodes.yaml');
  await writeFile(manifest, simulatedNodes);
  await api.kubectl('apply', '-f', manifest);
  await api.kubectl('wait', '--for=condition=Ready', 'nodes', '--all', '--timeout=60s');
  await rm(folder, { recursive: true });
  return {
    async stop() {
      for (const part of parts) await part.end('SIGKILL');
    },
  };
}

type Cluster = Pick<ApiServer, 'kubectl'>;

/** Istio's kinds, as far as we use them. */
export const installIstioKinds = (cluster: Cluster): Promise<void> => install('istio', cluster);
/** Those of the Gateway API. */
export const installGatewayKinds = (cluster: Cluster): Promise<void> => install('gateway-api', cluster);
/** Those of the Prometheus Operator. */
export const installPrometheusKinds = (cluster: Cluster): Promise<void> => install('prometheus-operator', cluster);

async function install(fixture: string, { kubectl }: Cluster): Promise<void> {
  await kubectl('apply', '-f', join(root, `test/fixtures/${fixture}.yaml`));
  await kubectl('wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all');
}
