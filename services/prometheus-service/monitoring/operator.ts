/** The objects of the Prometheus Operator, applied and taken away. */
import type { ObjectClient } from '../../../lib/resources/kubernetes/objects.ts';
import {
  metadataOf,
  MONITOR,
  operatorObjects,
  PROJECT,
  RULE,
  SERVICE,
  type OperatorSettings,
} from './operator-objects.ts';
import type { Monitoring } from './port.ts';

export function monitoringByOperator(client: ObjectClient, settings: OperatorSettings): Monitoring {
  const { namespace } = settings;
  const ruleOf = (project: string, service: string) => ({ ...RULE, metadata: metadataOf(project, service, namespace) });
  return {
    async apply(monitored) {
      const objects = operatorObjects(monitored, settings);
      for (const object of objects) await client.apply(object);
      // A rule without groups is none: what an empty list leaves of its spec is not valid.
      if (!objects.some(({ kind }) => kind === RULE.kind))
        await client.remove(ruleOf(monitored.project, monitored.service));
      return objects.map(({ kind, metadata: { name } }) => `${kind} ${namespace}/${name}`).join(', ');
    },
    async configured(project) {
      const monitors = await client.list(MONITOR, namespace, `${PROJECT}=${project}`);
      return monitors.flatMap(({ metadata: { labels } }) => labels?.[SERVICE] ?? []);
    },
    async remove(project, service) {
      await client.remove(ruleOf(project, service));
      // What it is found by goes last.
      await client.remove({ ...MONITOR, metadata: metadataOf(project, service, namespace) });
    },
  };
}
