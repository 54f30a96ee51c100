/** Controllers, scheduler and three simulated nodes for an API server: Deployments become available on it. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { prepareNodes } from '../../tools/real-parts/control-plane.ts';
import { simulatedNodes } from '../../tools/real-parts/simulated-nodes.ts';
import { temporaryFolder } from '../../tools/real-parts/temporary.ts';
import type { ApiServer } from './api-server.ts';
import { root } from './node-process.ts';

export async function startNodes(api: Pick<ApiServer, 'kubeconfig' | 'kubectl'>): Promise<{ stop(): Promise<void> }> {
  const parts = await prepareNodes(api);
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

/** Istio's kinds, as far as we use them. */
export async function installIstioKinds({ kubectl }: Pick<ApiServer, 'kubectl'>): Promise<void> {
  await kubectl('apply', '-f', join(root, 'test/fixtures/istio.yaml'));
  await kubectl('wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all');
}
