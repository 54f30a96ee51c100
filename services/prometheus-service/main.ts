/** The prometheus-service as a process of its own, in a cluster: `npm run prometheus-service`. */
import { z } from 'zod';
import { connectNatsBus } from '../../lib/bus/nats/bus.ts';
import { Configuration } from '../../lib/configuration/client.ts';
import { loadKubeConfig } from '../../lib/resources/kubernetes/store.ts';
import { list } from '../../lib/observe/program.ts';
import { placesSchema } from '../../lib/service/places.ts';
import { runWith } from '../../lib/service/run.ts';
import { prometheusService, prometheusSettings } from './handler.ts';
import { monitoringInCluster } from './monitoring/cluster.ts';

/** `name=value`, several with commas. */
const labels = z
  .string()
  .regex(/^[\w./-]+=[\w.-]*(,[\w./-]+=[\w.-]*)*$/, 'must be name=value, several with commas')
  .transform((text) =>
    Object.fromEntries(
      list(text).map((one): [string, string] => {
        const [name = '', value = ''] = one.split('=');
        return [name, value];
      }),
    ),
  );

const settings = placesSchema.extend(prometheusSettings.shape).extend({
  /** Where Alertmanager sends alerts to. */
  EVENTBROKER: z.url().default('http://event-broker.keptn.svc.cluster.local/keptn'),
  /** Where the objects are made. */
  KEPTN_NAMESPACE: z.string().min(1).default('keptn'),
  /** Labels by which a Prometheus selects them. */
  PROMETHEUS_OBJECT_LABELS: labels.default({}),
});

await runWith(
  'prometheus-service',
  settings,
  (given) =>
    prometheusService({
      configuration: new Configuration(given.CONFIGURATION_SERVICE, 'prometheus-service <prometheus-service@keptn.sh>'),
      monitoring: monitoringInCluster(loadKubeConfig(), {
        namespace: given.KEPTN_NAMESPACE,
        labels: given.PROMETHEUS_OBJECT_LABELS,
        webhook: given.EVENTBROKER,
      }),
      metricsPath: given.METRICS_SCRAPE_PATH,
    }),
  connectNatsBus,
);
