/** The Bridge of a standalone run in a real browser; the tests of deliveries are said by hand, as good or as slow as wanted. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { z } from 'zod';
import { buildPage } from '../../tools/build-page.ts';
import { startBrowser } from './browser.ts';
import { root } from './node-process.ts';
import { startStandalone, until, type Standalone } from './standalone.ts';

const eventSchema = z.looseObject({ shkeptncontext: z.string(), data: z.looseObject({}) });
const pageSchema = z.object({ events: z.array(eventSchema).nullable() });
type Found = z.infer<typeof eventSchema>;

/** Build output: a picture of each page. */
const pictures = join(root, 'coverage/bridge');

export interface BridgeRun {
  keptn: Standalone;
  /** Address of the Bridge. */
  url: string;
  browser: Browser;
  /** A new page, logged in, at this address; `problems` are what its console complains of. */
  open(path: string, dark?: boolean): Promise<Page>;
  problems: string[];
  find(query: string): Promise<Found[]>;
  send(event: object): Promise<string>;
  /** Says that the tests of a deployment have ended, with this response time. */
  tested(service: string, stage: string, milliseconds: number): Promise<string>;
  picture(page: Page, name: string): Promise<void>;
  /** What axe finds, a line each. */
  violations(page: Page): Promise<string[]>;
  stop(): Promise<void>;
}

export async function startBridgeRun(manifests = 'examples/sockshop'): Promise<BridgeRun> {
  await buildPage();
  await mkdir(pictures, { recursive: true });
  const keptn = await startStandalone(manifests, '--without', 'jmeter-service');
  const browser = await startBrowser();
  const problems: string[] = [];
  const url = new URL(keptn.bridge).origin;
  const find = async (query: string): Promise<Found[]> =>
    pageSchema.parse((await keptn.ask(`GET /v1/event?${query}`)).json).events ?? [];
  const send = async (event: object): Promise<string> =>
    z.object({ keptnContext: z.string() }).parse((await keptn.ask('POST /v1/event', event)).json).keptnContext;
  return {
    ...{ keptn, url, browser, problems, find, send },
    async open(path, dark = false) {
      const context = await browser.newContext({
        viewport: { width: 1280, height: 800 },
        colorScheme: dark ? 'dark' : 'light',
        bypassCSP: false,
      });
      const page = await context.newPage();
      page.on('pageerror', ({ message }) => problems.push(message));
      page.on('console', (message) => {
        if (/Content Security Policy|Trusted/.test(message.text())) problems.push(message.text());
      });
      await page.goto(keptn.bridge);
      await page.getByRole('link', { name: 'Problems' }).waitFor();
      await page.goto(url + path);
      await page.getByText('Live', { exact: true }).waitFor();
      return page;
    },
    async tested(service, stage, milliseconds) {
      const query = `type=sh.keptn.events.deployment-finished&project=sockshop&stage=${stage}&service=${service}`;
      const known = new Set(
        (await find(query.replace('deployment', 'tests'))).map(({ shkeptncontext }) => shkeptncontext),
      );
      let deployment: Found | undefined;
      await until(`${service} deployed in ${stage}`, async () => {
        deployment = (await find(query)).find(({ shkeptncontext }) => !known.has(shkeptncontext));
        return deployment !== undefined;
      });
      const now = new Date().toISOString();
      const [p, counts] = [milliseconds, { requests: 100, errors: 0, error_rate: 0, throughput: 50 }];
      const times = { response_time_min: p, response_time_max: p, response_time_avg: p };
      const percentiles = { response_time_p50: p, response_time_p90: p, response_time_p95: p, response_time_p99: p };
      const { teststrategy, deploymentstrategy } = deployment?.data ?? {};
      return send({
        type: 'sh.keptn.events.tests-finished',
        source: 'test',
        shkeptncontext: deployment?.shkeptncontext,
        data: {
          ...{ project: 'sockshop', stage, service, teststrategy, deploymentstrategy, labels: null },
          ...{ start: now, end: now, result: 'pass' },
          report: { tool: 'http', ...counts, ...times, ...percentiles },
        },
      });
    },
    picture: async (page, name) => void (await page.screenshot({ path: join(pictures, `${name}.png`) })),
    async violations(page) {
      // By the debugger, which the Content-Security-Policy does not bind.
      await page.evaluate(axe.source);
      return page.evaluate(async () => {
        const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run();
        return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`);
      });
    },
    async stop() {
      await browser.close();
      await keptn.stop();
    },
  };
}
