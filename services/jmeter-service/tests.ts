/** The tests of one deployment: the plans of its service, run against it and judged. */
import { commitOf, readAt } from '../../lib/configuration/versioned.ts';
import type { Configuration } from '../../lib/configuration/client.ts';
import { messageOf, Terminal } from '../../lib/errors/classes.ts';
import type { KeptnEvent } from '../../lib/events/event.ts';
import type { DeploymentFinished, TestReport } from '../../lib/events/workflow.ts';
import type { EventLog } from '../../lib/service/service.ts';
import { reportFile } from './reports.ts';
import type { Measured } from './runner.ts';
import type { RunnerName, Runners } from './settings.ts';
import { targetOf, type Target } from './target.ts';
import { CONFIGURATION_URI, configurationIn, healthCheckOf, workloadOf, type Workload } from './workload.ts';

export interface Outcome {
  result: 'pass' | 'fail';
  /** What failed, or why nothing was tested. */
  message?: string;
  report?: TestReport;
}

export interface TestsParts {
  configuration: Configuration;
  runners: Runners;
  reportsFolder: string | undefined;
  event: KeptnEvent & { data: DeploymentFinished };
  log: EventLog;
  signal: AbortSignal;
}

export class Tests {
  readonly #parts: TestsParts;

  constructor(parts: TestsParts) {
    this.#parts = parts;
  }

  async run(): Promise<Outcome> {
    const { data } = this.#parts.event;
    const strategy = data.teststrategy.toLowerCase();
    const target = targetOf(data);
    const text = await this.#read(CONFIGURATION_URI);
    const given = configurationIn(text?.toString('utf8') ?? '');
    const workload = strategy === '' ? undefined : workloadOf(strategy, given);
    if (strategy !== '' && workload === undefined) {
      const message = `nobody knows the test strategy ${data.teststrategy}: it is functional, performance or real-user, or one that ${CONFIGURATION_URI} has`;
      return { result: 'fail', message };
    }
    const health = await this.#plan(healthCheckOf(given), target, given.runner);
    if (health?.result === 'fail' || workload === undefined) return health ?? none([healthCheckOf(given)]);
    const main = await this.#plan(workload, target, given.runner);
    return main ?? health ?? none([healthCheckOf(given), workload]);
  }

  /** Undefined where the plan is not there, which counts as passed. */
  async #plan(workload: Workload, target: Target, wanted: RunnerName | undefined): Promise<Outcome | undefined> {
    const { runners, event, log, signal } = this.#parts;
    const { script, users, loops } = workload;
    const plan = await this.#read(script);
    if (plan === undefined || plan.length === 0) {
      log.info(`there is no ${script}: it counts as passed`);
      return undefined;
    }
    const { name, runner } = await runners.choose(wanted);
    log.info(`${counted(users, 'user')}, ${counted(loops, 'loop')} of ${script} against ${target.url}, by ${name}`);
    let measured: Measured;
    try {
      measured = await runner.run({
        plan,
        properties: propertiesOf(workload, target, event.id),
        reportFile: await this.#reportFile(workload),
        progress: (text) => log.info(`${script}: ${text}`),
        signal,
      });
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Terminal)) throw error;
      return { result: 'fail', message: `${name === 'jmeter' ? `JMeter with ${script}` : script} ${error.message}` };
    }
    log.info(`${script}: ${numbers(measured.report)}`);
    return judged(workload, measured);
  }

  async #reportFile({ prefix }: Workload): Promise<string | undefined> {
    const { event, log, reportsFolder } = this.#parts;
    if (reportsFolder === undefined) return undefined;
    const { project, stage, service } = event.data;
    try {
      return await reportFile(reportsFolder, [project, stage, service, `${prefix}${event.id}`]);
    } catch (error) {
      log.warn(`no report is kept: ${messageOf(error)}`);
      return undefined;
    }
  }

  /** As it was when the service was deployed, where the event says when that was. */
  async #read(uri: string): Promise<Buffer | undefined> {
    const { configuration, event } = this.#parts;
    const { project, stage, service } = event.data;
    return readAt(configuration, { project, stage, service }, uri, commitOf(event));
  }
}

function none(workloads: readonly Workload[]): Outcome {
  return {
    result: 'pass',
    message: `nothing was tested: there is no ${workloads.map(({ script }) => script).join(' and no ')}`,
  };
}

/** Under the names of 0.6.2. */
function propertiesOf(workload: Workload, { protocol, host, port, path }: Target, id: string): Record<string, string> {
  return {
    PROTOCOL: protocol,
    SERVER_URL: host,
    SERVER_PORT: port,
    CHECK_PATH: path,
    DT_LTN: `${workload.prefix}${id}`,
    VUCount: String(workload.users),
    LoopCount: String(workload.loops),
    ThinkTime: String(workload.thinkTimeMs),
    ...workload.properties,
  };
}

function judged({ script, acceptedErrorRate, maxAverageMs }: Workload, { report, firstFailure }: Measured): Outcome {
  const { requests, errors, response_time_avg: average } = report;
  const fail = (message: string): Outcome => ({ result: 'fail', message, report });
  if (errors > acceptedErrorRate * requests) {
    const accepted = acceptedErrorRate === 0 ? '' : `, more than the ${100 * acceptedErrorRate} % that are accepted`;
    return fail(
      `${errors} of ${counted(requests, 'request')} of ${script} failed${accepted}; the first: ${firstFailure}`,
    );
  }
  if (maxAverageMs > 0 && average > maxAverageMs) {
    return fail(`the requests of ${script} took ${average} ms on average, more than ${maxAverageMs} ms`);
  }
  return { result: 'pass', report };
}

function numbers({ requests, errors, throughput, response_time_avg, response_time_p95 }: TestReport): string {
  const times = `${response_time_avg} ms on average, 95 % within ${response_time_p95} ms`;
  return `${counted(requests, 'request')}, ${errors} failed, ${throughput} a second, ${times}`;
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
