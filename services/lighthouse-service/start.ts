/** The start of an evaluation: tests are over, or somebody asks for one; the SLI provider is asked for values. */
import type { Configuration } from '../../lib/configuration/client.ts';
import { Terminal } from '../../lib/errors/classes.ts';
import { eventTypes } from '../../lib/events/event.ts';
import type { GetSli, TestsFinished } from '../../lib/events/workflow.ts';
import type { Handle } from '../../lib/service/service.ts';
import type { ProjectProvider } from './configured/port.ts';
import { notEvaluated } from './done.ts';
import { objectivesOf } from './objectives.ts';
import type { SliProvider } from './providers/port.ts';
import { spanOf } from './span.ts';
import { commitOf } from '../../lib/configuration/versioned.ts';

export interface StartParts {
  configuration: Configuration;
  providers: ReadonlyMap<string, SliProvider>;
  projectProvider: ProjectProvider;
}

export function startEvaluation({ configuration, providers, projectProvider }: StartParts): Handle<TestsFinished> {
  return async (event, { log }) => {
    const data = { ...event.data, ...spanOf(event) };
    const { project, stage, service, result, report } = data;
    const notDone = (outcome: string, reason: string, further: { dryrun?: true } = {}) => {
      log.info(`no evaluation of ${service} in ${stage}: ${reason}`);
      return [notEvaluated(data, outcome, reason, further)];
    };
    if (data.dryrun) return notDone(result, 'nothing was deployed: dry run', { dryrun: true });
    if (data.teststrategy === '') return notDone(result, 'no test has been executed');
    const read = await objectivesOf(configuration, data, commitOf(event), result);
    if ('done' in read) {
      log.info(`${service} in ${stage} is not evaluated: ${read.reason}`);
      return [read.done];
    }
    const configured = await providerOf(projectProvider, project);
    if ('problem' in configured) return notDone('fail', configured.problem);
    const { provider } = configured;
    if (!provider) return notDone('failed', `no SLI-provider configured for project ${project}`);
    const indicators = [...new Set(read.slo.objectives.map(({ sli }) => sli))];
    const answers = providers.has(provider) ? '' : '; it is not built in: its service has to answer';
    log.info(`evaluation of ${service} in ${stage}: ${provider} is asked for ${indicators.join(', ')}${answers}`);
    const request: GetSli = {
      ...{ sliProvider: provider, project, stage, service, start: data.start, end: data.end },
      ...{ teststrategy: data.teststrategy, deploymentstrategy: data.deploymentstrategy },
      deployment: deploymentOf(data),
      indicators,
      customFilters: Object.entries(read.slo.filter ?? {}).map(([key, value]) => ({ key, value })),
      labels: data.labels ?? null,
      ...(report ? { report } : {}),
    };
    return [{ type: eventTypes.getSli, data: request }];
  };
}

/** Which of the two deployments of a blue/green service was tested. */
function deploymentOf({ teststrategy, deploymentstrategy }: TestsFinished): string {
  if (deploymentstrategy === '') return '';
  if (deploymentstrategy !== 'blue_green_service') return 'direct';
  return teststrategy === 'real-user' ? 'primary' : 'canary';
}

async function providerOf(
  configured: ProjectProvider,
  project: string,
): Promise<{ provider: string | undefined } | { problem: string }> {
  try {
    return { provider: await configured.of(project) };
  } catch (error) {
    // A delivery that waits for an answer gets one.
    if (error instanceof Terminal) return { problem: error.message };
    throw error;
  }
}
