/** The settings of the jmeter-service, and which runner they choose. */
import { z } from 'zod';
import type { Logger } from '../../lib/observe/log.ts';
import { httpRunner } from './http/runner.ts';
import { jmeterRunner, versionOf } from './jmeter-runner.ts';
import type { Runner } from './runner.ts';

export const testSettings = z.object({
  /** `auto`: JMeter where there is one, else the http runner. */
  KEPTN_TEST_RUNNER: z.enum(['auto', 'jmeter', 'http']).default('auto'),
  /** The program. */
  JMETER: z.string().min(1).default('jmeter'),
  KEPTN_TEST_TIMEOUT_MINUTES: z.coerce.number().min(0.01).max(1_440).default(60),
  /** Folder for the results of each run; none are kept without. */
  KEPTN_REPORTS_DIR: z.string().min(1).optional(),
});
export type TestSettings = z.output<typeof testSettings>;

export type RunnerName = 'jmeter' | 'http';

export class Runners {
  readonly #settings: TestSettings;
  readonly #log: Logger;
  readonly #all: Readonly<Record<RunnerName, Runner>>;
  #found: Promise<RunnerName> | undefined;

  constructor(settings: TestSettings, log: Logger) {
    this.#settings = settings;
    this.#log = log;
    this.#all = { jmeter: jmeterRunner(settings.JMETER), http: httpRunner };
  }

  /** The runner that a project wants, else the one of the settings. */
  async choose(wanted: RunnerName | undefined): Promise<{ name: RunnerName; runner: Runner }> {
    const { KEPTN_TEST_RUNNER: set } = this.#settings;
    const name = wanted ?? (set === 'auto' ? await (this.#found ??= this.#find()) : set);
    return { name, runner: this.#all[name] };
  }

  /** Asked at the first test: to start Java takes a second. */
  async #find(): Promise<RunnerName> {
    const found = await versionOf(this.#settings.JMETER);
    if ('version' in found) {
      this.#log.info({ version: found.version }, 'tests are run by JMeter');
      return 'jmeter';
    }
    this.#log.info({ reason: found.problem }, 'no JMeter: tests are run by the http runner');
    return 'http';
  }
}
