/** A jmeter-service with all that is around it: a bus, a configuration-service with the project p1, and carts to test. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Configuration } from '../../lib/configuration/client.ts';
import type { TestsFinished } from '../../lib/events/workflow.ts';
import type { Served } from '../../lib/service/serve.ts';
import { jmeterService, type JmeterServiceSettings } from '../../services/jmeter-service/handler.ts';
import { testSettings } from '../../services/jmeter-service/settings.ts';
import { startCarts, type Carts } from './carts.ts';
import { startConfiguration, type Configuration as Running } from './configuration.ts';
import { deploymentOf, log, startDeployments, type Deployments } from './deployments.ts';
import * as jmx from './plans.ts';

const place = '/project/p1/stage/dev/service/carts/resource';

export interface Tested {
  deployments: Deployments;
  running: Running;
  carts: Carts;
  folder: string;
  settingsOf(environment?: Record<string, string>, more?: Partial<JmeterServiceSettings>): JmeterServiceSettings;
  start(environment?: Record<string, string>, more?: Partial<JmeterServiceSettings>): Promise<Served>;
  /** Writes files of carts in dev, and gives the answers. */
  add(files: Record<string, string>): Promise<unknown[]>;
  /** What comes of a deployment of carts. */
  tested(data: Record<string, unknown>): Promise<TestsFinished>;
  /** What carts was asked for. */
  paths(): string;
  stop(): Promise<void>;
}

/** Asks once for CHECK_PATH. */
export const check = jmx.planWith([jmx.defaults(), jmx.group([jmx.sampler('health', 'GET', '${__P(CHECK_PATH)}')])]);

/** Asks for each path, as often as the strategy says. */
export const asking = (...paths: string[]): string =>
  jmx.planWith([jmx.defaults(), jmx.group(paths.map((path) => jmx.sampler(`ask ${path}`, 'GET', path)))]);

export async function startTested(): Promise<Tested> {
  const folder = await mkdtemp(join(tmpdir(), 'keptn-tested-'));
  const [deployments, running, carts] = await Promise.all([startDeployments(), startConfiguration(), startCarts()]);
  const settingsOf: Tested['settingsOf'] = (environment = {}, more = {}) => ({
    configuration: new Configuration(running.url, 'test <test@keptn.sh>'),
    settings: testSettings.parse({ KEPTN_TEST_RUNNER: 'http', ...environment }),
    log,
    ...more,
  });
  return {
    deployments,
    running,
    carts,
    folder,
    settingsOf,
    start: (...given) => deployments.serve(jmeterService(settingsOf(...given))),
    async add(files) {
      const answers: unknown[] = [];
      for (const [uri, content] of Object.entries(files)) {
        const { status, json } = await running.put(`${place}/${encodeURIComponent(uri)}`, content);
        expect(status).to.be.below(300);
        answers.push(json);
      }
      return answers;
    },
    tested: async (data) => (await deployments.tests(deploymentOf({ deploymentURILocal: carts.url, ...data }))).data,
    paths: () => carts.asked.map(({ url }) => url).join(' '),
    async stop() {
      await Promise.all([deployments.stop(), running.stop(), carts.close()]);
      await rm(folder, { recursive: true });
    },
  };
}
