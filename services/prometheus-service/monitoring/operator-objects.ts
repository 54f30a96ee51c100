/** A service as objects of the Prometheus Operator (monitoring.coreos.com): what is scraped, the rules, and the way of alerts. */
import type { KubeObject } from '../../../lib/resources/kube-object.ts';
import type { Job, Monitored } from './port.ts';
import { groupsOf, routeOfKeptn } from './rules.ts';

const GROUP = 'monitoring.coreos.com';
export const RULE = { apiVersion: `${GROUP}/v1`, kind: 'PrometheusRule' };
export const MONITOR = { apiVersion: `${GROUP}/v1`, kind: 'ServiceMonitor' };
const ALERTMANAGER = { apiVersion: `${GROUP}/v1alpha1`, kind: 'AlertmanagerConfig' };

export const PROJECT = 'keptn.sh/project';
export const SERVICE = 'keptn.sh/service';

export interface OperatorSettings {
  namespace: string;
  /** By which a Prometheus selects its objects, such as `release: kube-prometheus-stack`. */
  labels: Readonly<Record<string, string>>;
  /** The address of the eventbroker. */
  webhook: string;
}

/** No name of a project or service has a dot. */
export const metadataOf = (project: string, service: string, namespace: string) => ({
  name: `${project}.${service}`,
  namespace,
});

/** In the order in which they are applied: an alert finds its way from the first on. */
export function operatorObjects(
  monitored: Monitored,
  { namespace, labels, webhook }: OperatorSettings,
): (KubeObject & { spec: object })[] {
  const { project, service, stages, scrape } = monitored;
  const jobs = stages.flatMap((stage) => stage.jobs);
  const metadata = {
    ...metadataOf(project, service, namespace),
    labels: { ...labels, [PROJECT]: project, [SERVICE]: service },
  };
  // An AlertmanagerConfig takes by default the alerts that have its namespace alone.
  const groups = groupsOf(monitored, { namespace });
  const receiver = { name: routeOfKeptn.receiver, webhookConfigs: [{ url: webhook, sendResolved: true }] };
  return [
    {
      ...ALERTMANAGER,
      // One way for the alerts of all services.
      metadata: { name: 'keptn', namespace, labels: { ...labels } },
      spec: { route: routeOfKeptn, receivers: [receiver] },
    },
    {
      ...MONITOR,
      metadata,
      spec: {
        namespaceSelector: { matchNames: [...new Set(jobs.map((job) => job.namespace))] },
        // What labels a chart gives its Services is not known: they are told by their names.
        selector: {},
        endpoints: jobs.map((job) => endpointOf(job, scrape)),
      },
    },
    ...(groups.length > 0 ? [{ ...RULE, metadata, spec: { groups } }] : []),
  ];
}

function endpointOf({ name, namespace, service }: Job, { path, interval }: Monitored['scrape']): object {
  const sourceLabels = ['__meta_kubernetes_namespace', '__meta_kubernetes_service_name'];
  return {
    path,
    interval,
    relabelings: [
      { action: 'keep', sourceLabels, regex: `${namespace};${service}` },
      { action: 'replace', targetLabel: 'job', replacement: name },
    ],
  };
}
