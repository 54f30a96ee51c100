/** What Prometheus is to know of a service: scrape jobs in each stage, alerts where problems are remediated. */
import type { Configuration } from '../../lib/configuration/client.ts';
import { isDuplicate, readShipyard, type ShipyardStage } from '../../lib/configuration/shipyard.ts';
import { Terminal } from '../../lib/errors/classes.ts';
import { jobOf } from '../lighthouse-service/providers/built-in-queries.ts';
import { fillIn, queriesOf } from '../lighthouse-service/providers/queries.ts';
import { parseSlo } from '../lighthouse-service/scoring/slo.ts';
import { alertsOf, type Alerts } from './alerts.ts';
import type { Monitored, MonitoredStage } from './monitoring/port.ts';

/** What `$DURATION_SECONDS` is in an alert, as in 0.6.2. */
const WINDOW_SECONDS = 180;
/** As in 0.6.2: the tests of a delivery may be over in half a minute. */
const INTERVAL = '5s';

export interface Place {
  project: string;
  service: string;
}

export interface Plan {
  monitored: Monitored;
  /** What is no alert, and why: sentences for people. */
  remarks: string[];
}

/** `path`: of the metrics. `Terminal` where a file is wrong, or there is no such service. */
export async function planFor(configuration: Configuration, { project, service }: Place, path: string): Promise<Plan> {
  const stages: MonitoredStage[] = [];
  const remarks: string[] = [];
  for (const stage of await stagesWith(configuration, { project, service })) {
    const place = { project, stage: stage.name, service };
    const { alerts, leftOut } = await alertsIn(configuration, place, stage);
    const jobs = deploymentsIn(stage).map((deployment) => ({
      name: jobOf({ ...place, deployment }),
      namespace: `${project}-${stage.name}`,
      service: nameOf(service, deployment),
    }));
    stages.push({ stage: stage.name, jobs, alerts, deployment: nameOf(service, userDeployment(stage)) });
    remarks.push(...leftOut.map((remark) => `${service} in ${stage.name}: ${remark}`));
  }
  if (stages.length === 0) throw new Terminal('NotFound', `no stage of project ${project} has a service ${service}`);
  return { monitored: { project, service, scrape: { path, interval: INTERVAL }, stages }, remarks };
}

/** The stages that have the service; none when it has been deleted. */
export async function stagesWith(configuration: Configuration, { project, service }: Place): Promise<ShipyardStage[]> {
  const stages: ShipyardStage[] = [];
  for (const stage of await readShipyard(configuration, project)) {
    if (await configuration.has({ project, stage: stage.name, service }, 'metadata.yaml')) stages.push(stage);
  }
  return stages;
}

const deploymentsIn = (stage: ShipyardStage): string[] => (isDuplicate(stage) ? ['canary', 'primary'] : ['direct']);
const userDeployment = (stage: ShipyardStage): string => (isDuplicate(stage) ? 'primary' : 'direct');
/** Of the Deployment and of the Kubernetes Service. */
const nameOf = (service: string, deployment: string): string =>
  deployment === 'direct' ? service : `${service}-${deployment}`;

async function alertsIn(
  configuration: Configuration,
  place: Place & { stage: string },
  stage: ShipyardStage,
): Promise<Alerts> {
  if (stage.remediation_strategy !== 'automated')
    return { alerts: [], leftOut: ['no alerts, the stage has no remediation_strategy: automated'] };
  const content = await configuration.read(place, 'slo.yaml');
  if (!content) return { alerts: [], leftOut: ['no alerts, it has no slo.yaml'] };
  const where = `of ${place.service} in ${place.stage}`;
  const parsed = parseSlo(content.toString('utf8'));
  if ('problem' in parsed) throw new Terminal('InvalidField', `slo.yaml ${where} is not valid: ${parsed.problem}`);
  const { objectives, filter } = parsed.slo;
  const request = {
    ...{ ...place, deployment: userDeployment(stage), teststrategy: 'real-user', deploymentstrategy: '' },
    ...{
      sliProvider: 'prometheus',
      start: '',
      end: '',
      indicators: [],
      labels: null,
      keptnContext: '',
      commit: undefined,
    },
    customFilters: Object.entries(filter ?? {}).map(([key, value]) => ({ key, value })),
  };
  const read = await queriesOf(configuration, request, 'prometheus/sli.yaml');
  if ('problem' in read) throw new Terminal('InvalidField', `${place.service} in ${place.stage}: ${read.problem}`);
  const fill = (query: string): string => fillIn(query, request, WINDOW_SECONDS);
  return alertsOf(objectives, { queries: read.queries, fill, where });
}
