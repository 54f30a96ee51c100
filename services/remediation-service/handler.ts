/**
 * remediation-service: a problem in a stage with `remediation_strategy: automated` becomes what remediation.yaml says, and
 * its end takes that back. What changes the chart is a configuration.change, which real users test and an evaluation judges.
 */
import type { Configuration } from '../../lib/configuration/client.ts';
import { readShipyard } from '../../lib/configuration/shipyard.ts';
import { Terminal } from '../../lib/errors/classes.ts';
import { eventTypes } from '../../lib/events/event.ts';
import { on, type EventLog, type Outgoing, type Service } from '../../lib/service/service.ts';
import { chartUri, generatedName, readChart } from '../helm-service/charts/chart.ts';
import { changesFor } from './changes.ts';
import { Lately } from './lately.ts';
import { actionFor, type Action } from './plan.ts';
import { problemData, problemOf, type Problem } from './problem.ts';
import { toggle, type UnleashSettings } from './unleash.ts';

const FILE = 'remediation.yaml';

export interface RemediationParts {
  configuration: Configuration;
  unleash: UnleashSettings;
}

export function remediationService(parts: RemediationParts): Service {
  const lately = new Lately();
  return {
    name: 'remediation-service',
    subscriptions: [
      on(eventTypes.problemOpen, problemData, async ({ id, data, shkeptncontext }, { log }) => {
        const problem = problemOf(data, shkeptncontext);
        const action = await actionOf(parts.configuration, problem, log);
        if (!action || lately.isRepeated(problem, id)) return [];
        if (action.action === 'featuretoggle') return switched(parts.unleash, action.value, problem, log);
        return changed(parts.configuration, action, problem, log);
      }),
    ],
  };
}

/** What is to be done about a problem; nothing where nobody asked for that. */
async function actionOf(
  configuration: Configuration,
  { project, stage, service, title }: Problem,
  log: EventLog,
): Promise<Action | undefined> {
  const found = (await readShipyard(configuration, project)).find(({ name }) => name === stage);
  if (!found) throw new Terminal('NotFound', `problem ${title}: stage ${stage} is not in the shipyard of ${project}`);
  if (found.remediation_strategy !== 'automated') {
    log.last(`${title}: nothing is done about it, ${stage} has no remediation_strategy: automated`);
    return undefined;
  }
  const content = await configuration.read({ project, stage, service }, FILE);
  if (!content) {
    log.last(`${title}: nothing is done about it, ${service} in ${stage} has no ${FILE}`);
    return undefined;
  }
  const action = actionFor(title, content.toString('utf8'), `${FILE} of ${service} in ${stage}`);
  if (!action) log.last(`${title}: nothing is done about it, no entry of ${FILE} begins its name`);
  return action;
}

async function changed(
  configuration: Configuration,
  action: Action,
  problem: Problem,
  log: EventLog,
): Promise<Outgoing[]> {
  const { project, stage, service, labels, title, isOpen } = problem;
  const chart = await readChart(configuration, { project, stage, service }, generatedName(service));
  if (!chart)
    throw new Terminal(
      'NotFound',
      `${title}: ${service} is not deployed in ${stage}, there is no ${chartUri(generatedName(service))}`,
    );
  const fileChangesGeneratedChart = changesFor(action, problem, chart.files);
  if (Object.keys(fileChangesGeneratedChart).length === 0) {
    log.last(
      `${title}: ${action.action} ${isOpen ? 'has nothing to change, or is in effect already' : 'is not in effect'}`,
    );
    return [];
  }
  log.info(`${title}: ${action.action} of ${service} in ${stage} ${isOpen ? 'begins' : 'is taken back'}`);
  return [
    { type: eventTypes.configurationChange, data: { project, stage, service, labels, fileChangesGeneratedChart } },
  ];
}

async function switched(
  unleash: UnleashSettings,
  value: string,
  { title, isOpen }: Problem,
  log: EventLog,
): Promise<Outgoing[]> {
  const [name = '', wanted] = value.split(':');
  const to = (wanted === 'on') === isOpen ? 'on' : 'off';
  await toggle(unleash, name, to);
  log.last(`${title}: feature ${name} is ${to}`);
  return [];
}
