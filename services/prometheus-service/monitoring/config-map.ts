/**
 * The files in one ConfigMap for all services, so that Prometheus and Alertmanager mount it once. Each service is a field
 * manager: what it does not apply any more is gone, and two that are configured at once do not touch each other's keys.
 */
import type { KubeConfig } from '@kubernetes/client-node';
import { z } from 'zod';
import type { KubeObject } from '../../../lib/resources/kube-object.ts';
import { ObjectClient } from '../../../lib/resources/kubernetes/objects.ts';
import { filesOf, servicesIn } from './files.ts';
import type { Monitoring } from './port.ts';

const NAME = 'keptn-prometheus';
const shape = z.object({ data: z.record(z.string(), z.string()).default({}) });

export function monitoringInConfigMap(config: KubeConfig, namespace: string, webhook: string): Monitoring {
  const object: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: NAME, namespace } };
  const reader = new ObjectClient(config, 'prometheus-service');
  async function apply(project: string, service: string, data: Record<string, string>): Promise<void> {
    const keys: KubeObject & { data: typeof data } = { ...object, data };
    // Two DNS labels: the 128 characters that a manager may have are enough.
    await new ObjectClient(config, `${project}/${service}`).apply(keys);
  }
  const configured = async (project: string): Promise<string[]> =>
    servicesIn(Object.keys(shape.parse((await reader.read(object)) ?? {}).data), project);
  return {
    async apply(monitored) {
      const { project, service } = monitored;
      await apply(project, service, filesOf(monitored, webhook));
      return `keys ${project}.${service}.* of ConfigMap ${namespace}/${NAME}`;
    },
    configured,
    async remove(project, service) {
      if ((await configured(project)).includes(service)) await apply(project, service, {});
    },
  };
}
