/** A cluster for the commands about an installation, and what its operator would say: statuses are written by the test. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { startApiServer, type ApiServer } from './api-server.ts';
import { commandLine, type CommandLine } from './keptn.ts';

export interface InstallationWorld extends CommandLine {
  api: ApiServer;
  kubectl(...args: string[]): Promise<string>;
  apply(...objects: object[]): Promise<void>;
  /** A file in a folder that goes with the test. */
  file(name: string, content: string): Promise<string>;
  /** Writes the status of the Keptn object: conditions by component, each `Ready` or [reason, message]. */
  tells(
    components: Record<string, 'Ready' | [reason: string, message: string]>,
    more?: object,
    ready?: [reason: string, message: string],
  ): Promise<void>;
  stop(): Promise<void>;
}

export const storageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  provisioner: 'example.com/none',
};

export async function startInstallationWorld(): Promise<InstallationWorld> {
  const api = await startApiServer();
  const folder = await mkdtemp(join(tmpdir(), 'keptn-install-'));
  const kubectl = (...args: string[]): Promise<string> => api.kubectl(...args);
  const file = async (name: string, content: string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, content, { mode: 0o600 });
    return path;
  };
  const cli = commandLine(() => ({
    HOME: folder,
    KUBECONFIG: api.kubeconfig,
    KEPTN_CREDENTIALS: join(folder, 'credentials.json'),
  }));
  return {
    ...cli,
    api,
    kubectl,
    file,
    async apply(...objects) {
      const path = await file('objects.yaml', objects.map((object) => stringify(object)).join('---\n'));
      await kubectl('apply', '--server-side', '-f', path);
    },
    async tells(components, more = {}, ready) {
      const generation = Number(
        await kubectl('get', 'keptn/keptn', '-n', 'keptn', '-o', 'jsonpath={.metadata.generation}'),
      );
      const condition = (type: string, said: 'Ready' | [string, string]) => ({
        ...{ type, status: said === 'Ready' ? 'True' : 'False', observedGeneration: generation },
        ...{ reason: said === 'Ready' ? 'Ready' : said[0], message: said === 'Ready' ? '1 of 1 pods ready' : said[1] },
        lastTransitionTime: new Date().toISOString(),
      });
      const late = Object.values(components).filter((said) => said !== 'Ready').length;
      const all = condition('Ready', ready ?? (late === 0 ? 'Ready' : ['Progressing', `${late} are not ready`]));
      const conditions = [...Object.entries(components).map(([type, said]) => condition(type, said)), all];
      const status = { observedGeneration: generation, conditions, ...more };
      const patch = JSON.stringify({ status });
      await kubectl('patch', 'keptn/keptn', '-n', 'keptn', '--subresource=status', '--type=merge', '-p', patch);
    },
    async stop() {
      await api.stop();
      await rm(folder, { recursive: true });
    },
  };
}
