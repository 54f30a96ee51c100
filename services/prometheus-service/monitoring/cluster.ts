/** In a cluster: as objects where the Prometheus Operator's kinds are installed, else as files in a ConfigMap. */
import type { KubeConfig } from '@kubernetes/client-node';
import { ObjectClient } from '../../../lib/resources/kubernetes/objects.ts';
import { monitoringInConfigMap } from './config-map.ts';
import { RULE, type OperatorSettings } from './operator-objects.ts';
import { monitoringByOperator } from './operator.ts';
import type { Monitoring } from './port.ts';

export function monitoringInCluster(config: KubeConfig, settings: OperatorSettings): Monitoring {
  const client = new ObjectClient(config, 'prometheus-service');
  const byOperator = monitoringByOperator(client, settings);
  const inConfigMap = monitoringInConfigMap(config, settings.namespace, settings.webhook);
  return {
    async apply(monitored) {
      // Asked each time: the kinds may come later.
      if (!(await client.knows(RULE))) return inConfigMap.apply(monitored);
      const where = await byOperator.apply(monitored);
      await inConfigMap.remove(monitored.project, monitored.service);
      return where;
    },
    async configured(project) {
      const all = [...(await byOperator.configured(project)), ...(await inConfigMap.configured(project))];
      return [...new Set(all)];
    },
    async remove(project, service) {
      if (await client.knows(RULE)) await byOperator.remove(project, service);
      await inConfigMap.remove(project, service);
    },
  };
}
