/** The SLI provider of a project in the ConfigMap `lighthouse-config-<project>`, as 0.6.2 has it. */
import { CoreV1Api, type KubeConfig } from '@kubernetes/client-node';
import { Caller, statusOf } from '../../../lib/resources/kubernetes/calls.ts';
import type { ProjectProvider } from './port.ts';

const KEY = 'sli-provider';

/** `declared`: what Git says, which wins. */
export function providerInCluster(config: KubeConfig, namespace: string, declared: ProjectProvider): ProjectProvider {
  const api = config.makeApiClient(CoreV1Api);
  const caller = new Caller();
  const nameOf = (project: string): string => `lighthouse-config-${project}`;
  return {
    async of(project) {
      const inGit = await declared.of(project);
      if (inGit !== undefined) return inGit;
      const name = nameOf(project);
      return caller.call(`cannot read ConfigMap ${namespace}/${name}`, async (options) => {
        try {
          const { data } = await api.readNamespacedConfigMap({ namespace, name }, options);
          return data?.[KEY] || undefined;
        } catch (error) {
          if (statusOf(error) === 404) return undefined;
          throw error;
        }
      });
    },
    async set(project, provider) {
      const name = nameOf(project);
      const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { [KEY]: provider } };
      const request = { name, namespace, body, fieldManager: 'lighthouse-service', force: true };
      const what = `cannot write ConfigMap ${namespace}/${name}`;
      await caller.call(what, (options) => api.patchNamespacedConfigMap(request, options), 'apply');
    },
  };
}
