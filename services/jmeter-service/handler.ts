/** Tests what was deployed, and says how it went: the health check, then what the test strategy asks for. */
import type { Configuration } from '../../lib/configuration/client.ts';
import { messageOf, Terminal } from '../../lib/errors/classes.ts';
import { eventTypes, type KeptnEvent } from '../../lib/events/event.ts';
import { seconds } from '../../lib/events/time.ts';
import { deploymentFinished, type DeploymentFinished, type TestsFinished } from '../../lib/events/workflow.ts';
import type { Logger } from '../../lib/observe/log.ts';
import { on, type Context, type Service } from '../../lib/service/service.ts';
import { unlessAborted, type Aborted } from '../../lib/service/unless-aborted.ts';
import { Runners, type TestSettings } from './settings.ts';
import { Tests, type Outcome } from './tests.ts';

const ASK_MS = 2_000;
const MAX_ATTEMPTS = 10;
/** For what is around the tests, so that their own limit comes first. */
const MARGIN_MS = 300_000;

export interface JmeterServiceSettings {
  configuration: Configuration;
  settings: TestSettings;
  aborted?: Aborted | undefined;
  log: Logger;
}

type Deployment = KeptnEvent & { data: DeploymentFinished };

export function jmeterService({ configuration, settings, aborted, log }: JmeterServiceSettings): Service {
  const runners = new Runners(settings, log);
  const limitMs = settings.KEPTN_TEST_TIMEOUT_MINUTES * 60_000;

  const test = async (event: Deployment, context: Context): Promise<Outcome | 'aborted'> => {
    if (event.data.dryrun) return { result: 'pass', message: 'nothing was deployed: dry run' };
    const { attempt, log: say } = context;
    const asking = { aborted, keptnContext: event.shkeptncontext, everyMs: ASK_MS, signal: context.signal };
    try {
      return await unlessAborted(asking, (signal) =>
        within(limitMs, signal, (limited) => {
          const folder = settings.KEPTN_REPORTS_DIR;
          return new Tests({ configuration, runners, reportsFolder: folder, event, log: say, signal: limited }).run();
        }),
      );
    } catch (error) {
      // Who waits for the tests is told what became of them, whatever it was.
      if (!(error instanceof Terminal) && attempt < MAX_ATTEMPTS) throw error;
      return { result: 'fail', message: messageOf(error) };
    }
  };

  return {
    name: 'jmeter-service',
    timeoutMs: limitMs + MARGIN_MS,
    maxAttempts: MAX_ATTEMPTS,
    subscriptions: [
      on(eventTypes.deploymentFinished, deploymentFinished, async (event, context) => {
        const { project, stage, service, teststrategy, deploymentstrategy, labels, dryrun } = event.data;
        // The wait-service answers.
        if (teststrategy.toLowerCase() === 'real-user') return [];
        const start = seconds(Date.now());
        const outcome = await test(event, context);
        if (outcome === 'aborted') {
          context.log.info('aborted: the tests have been stopped');
          return [];
        }
        const said = `the tests of ${service} in ${stage}: ${outcome.result}`;
        context.log.info(outcome.message ? `${said}, ${outcome.message}` : said);
        const data: TestsFinished = {
          ...{ project, stage, service, teststrategy, deploymentstrategy, labels },
          ...{ start, end: seconds(Date.now()) },
          ...outcome,
          ...(dryrun && { dryrun }),
        };
        return [{ type: eventTypes.testsFinished, data }];
      }),
    ],
  };
}

/** The tests have a time of their own: they end with a result when it is over. */
async function within(ms: number, signal: AbortSignal, work: (signal: AbortSignal) => Promise<Outcome>) {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new Error('too long')), ms);
  try {
    return await work(AbortSignal.any([signal, limit.signal]));
  } catch (error) {
    if (!limit.signal.aborted || signal.aborted) throw error;
    const said = ms >= 60_000 ? `${ms / 60_000} min` : `${ms / 1000} s`;
    return { result: 'fail' as const, message: `the tests took longer than ${said}` };
  } finally {
    clearTimeout(timer);
  }
}
