/** What Prometheus and Alertmanager read, as files: for a ConfigMap that is mounted, and for a folder. */
import { stringify } from 'yaml';
import type { Job, Monitored } from './port.ts';
import { groupsOf, routeOfKeptn } from './rules.ts';

const RULES = '.rules.yml';
const SCRAPE = '.scrape.yml';
const NOTE = '# Made by Keptn: the next configuration writes it anew.\n';

/** Of the rules and the scrape settings of a service: no name of a project or service has a dot. */
export const namesOf = (project: string, service: string): string[] =>
  [RULES, SCRAPE].map((end) => `${project}.${service}${end}`);

/** The services of a project that have files among these. */
export function servicesIn(names: readonly string[], project: string): string[] {
  return names
    .filter((name) => name.startsWith(`${project}.`) && name.endsWith(RULES))
    .map((name) => name.slice(project.length + 1, -RULES.length));
}

/** Contents by name; `webhook`: the address of the eventbroker. */
export function filesOf(monitored: Monitored, webhook: string): Record<string, string> {
  const { project, service, stages, scrape } = monitored;
  const jobs = stages.flatMap((stage) => stage.jobs);
  return {
    [`${project}.${service}${RULES}`]: yaml({ groups: groupsOf(monitored) }),
    [`${project}.${service}${SCRAPE}`]: yaml({ scrape_configs: jobs.map((job) => scrapeConfigOf(job, scrape)) }),
    'alertmanager.yml': yaml(alertmanagerOf(webhook)),
  };
}

const yaml = (content: object): string => NOTE + stringify(content, { lineWidth: 0 });

function scrapeConfigOf({ name, namespace, service }: Job, { path, interval }: Monitored['scrape']): object {
  return {
    job_name: name,
    scrape_interval: interval,
    metrics_path: path,
    // The pods behind the Service, and not the Service: counters of two pods must not be mixed.
    kubernetes_sd_configs: [{ role: 'endpointslice', namespaces: { names: [namespace] } }],
    relabel_configs: [
      { source_labels: ['__meta_kubernetes_service_name'], regex: service, action: 'keep' },
      { source_labels: ['__meta_kubernetes_namespace'], target_label: 'namespace' },
      { source_labels: ['__meta_kubernetes_pod_name'], target_label: 'pod' },
    ],
  };
}

function alertmanagerOf(url: string): object {
  const { receiver, groupBy, matchers } = routeOfKeptn;
  return {
    route: {
      receiver: 'nobody',
      routes: [
        {
          receiver,
          group_by: groupBy,
          matchers: matchers.map(({ name, matchType, value }) => `${name}${matchType}"${value}"`),
          continue: true,
        },
      ],
    },
    receivers: [{ name: 'nobody' }, { name: receiver, webhook_configs: [{ url, send_resolved: true }] }],
  };
}
