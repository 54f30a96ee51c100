/**
 * prometheus-service: has Prometheus scrape a service and raise alerts when its objectives are violated, from slo.yaml and
 * prometheus/sli.yaml. It does so when it is asked to, and again whenever the service is deployed: the files may be others.
 */
import { z } from 'zod';
import type { Configuration } from '../../lib/configuration/client.ts';
import { Terminal } from '../../lib/errors/classes.ts';
import { eventTypes } from '../../lib/events/event.ts';
import { dnsLabel, problemsOf } from '../../lib/model/names.ts';
import { on, type EventLog, type Service } from '../../lib/service/service.ts';
import type { Monitored, Monitoring } from './monitoring/port.ts';
import { planFor, stagesWith, type Place } from './plan.ts';

export interface PrometheusParts {
  configuration: Configuration;
  monitoring: Monitoring;
  /** Where the services have their metrics. */
  metricsPath: string;
}

export const prometheusSettings = z.object({
  /** As in 0.6.2. */
  METRICS_SCRAPE_PATH: z.string().startsWith('/').default('/metrics'),
});

const place = z.object({ project: dnsLabel, service: dnsLabel });
const configure = z.looseObject({ type: z.string() });

export function prometheusService({ configuration, monitoring, metricsPath }: PrometheusParts): Service {
  /** No event tells of them. */
  async function deletedServices(project: string): Promise<string[]> {
    const deleted: string[] = [];
    for (const service of await monitoring.configured(project)) {
      if ((await stagesWith(configuration, { project, service })).length === 0) deleted.push(service);
    }
    return deleted;
  }

  async function forget(project: string, service: string, log: EventLog): Promise<void> {
    await monitoring.remove(project, service);
    log.info(`Prometheus is not told of ${service} in project ${project} any more`);
  }

  return {
    name: 'prometheus-service',
    maxWaits: 200,
    subscriptions: [
      on(eventTypes.monitoringConfigure, configure, async ({ data }, { log }) => {
        if (data.type !== 'prometheus') return;
        try {
          const { monitored, remarks } = await planFor(configuration, placeIn(data), metricsPath);
          const where = await monitoring.apply(monitored);
          for (const remark of remarks) log.info(remark);
          for (const service of await deletedServices(monitored.project)) await forget(monitored.project, service, log);
          log.last(`${summaryOf(monitored)}: ${where}`);
        } catch (error) {
          if (!(error instanceof Terminal)) throw error;
          log.last(`Prometheus is not configured: ${error.message}`, 'error');
        }
      }),
      on(eventTypes.deploymentFinished, place, async ({ data: { project, service } }, { log }) => {
        if (!(await monitoring.configured(project)).includes(service)) return;
        try {
          const { monitored } = await planFor(configuration, { project, service }, metricsPath);
          await monitoring.apply(monitored);
        } catch (error) {
          if (!(error instanceof Terminal)) throw error;
          log.warn(`what Prometheus knows of ${service} stays as it was: ${error.message}`);
        }
      }),
      on(eventTypes.projectDelete, z.object({ project: dnsLabel }), async ({ data: { project } }, { log }) => {
        for (const service of await monitoring.configured(project)) await forget(project, service, log);
      }),
    ],
  };
}

function placeIn(data: unknown): Place {
  const parsed = place.safeParse(data);
  if (parsed.success) return parsed.data;
  throw new Terminal('InvalidField', problemsOf(parsed.error, 'data'));
}

function summaryOf({ service, stages }: Monitored): string {
  const alerts = stages.flatMap((stage) => stage.alerts.map(({ name }) => `${name} in ${stage.stage}`));
  const scraped = stages.map(({ stage }) => stage).join(', ');
  return `Prometheus scrapes ${service} in ${scraped}, alerts: ${alerts.join(', ') || 'none'}`;
}
