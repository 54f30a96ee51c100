/** Alerts as Prometheus and Alertmanager have them, in files and in objects alike. */
import type { Monitored, MonitoredStage } from './port.ts';

/** How long an objective has to be violated, as in 0.6.2. */
const FOR = '10m';
const SEVERITY = 'webhook';

/** Which alerts go to the eventbroker, each by itself. */
export const routeOfKeptn = {
  receiver: 'keptn',
  groupBy: ['project', 'stage', 'service', 'alertname'],
  matchers: [
    { name: 'severity', matchType: '=', value: SEVERITY },
    ...['project', 'stage', 'service'].map((name) => ({ name, matchType: '=~', value: '.+' })),
  ],
};

/** One group a stage; `further`: labels of each alert. */
export function groupsOf({ project, service, stages }: Monitored, further: Record<string, string> = {}) {
  return stages
    .filter(({ alerts }) => alerts.length > 0)
    .map(({ stage, alerts, deployment }) => ({
      name: `${service} ${project}-${stage} alerts`,
      rules: alerts.map((alert) => ({
        alert: alert.name,
        expr: alert.expression,
        for: FOR,
        labels: { severity: SEVERITY, project, stage, service, pod_name: deployment, ...further },
        annotations: annotationsOf(alert, service, stage),
      })),
    }));
}

function annotationsOf({ name, wanted }: MonitoredStage['alerts'][number], service: string, stage: string) {
  // Prometheus takes braces for templates.
  const sli = name.replaceAll('{{', '{{"{{"}}');
  return {
    summary: `${sli} of ${service} in ${stage} is not as slo.yaml wants it`,
    description: `${sli} is {{ $value }}, wanted ${wanted}`,
  };
}
