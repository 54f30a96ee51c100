/** The Bridge where there is much: 100,000 events, 1,000 stages; and where the api is away for a while. */
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { expect } from 'chai';
import { stringify } from 'yaml';
import { createLog } from '../lib/observe/log.ts';
import { createProcessMetrics } from '../lib/observe/process-metrics.ts';
import { startBridge } from '../services/bridge/service.ts';
import { startBridgeRun, type BridgeRun } from './launch/bridge.ts';
import { fillHistory, manyStages } from './launch/many.ts';
import { root } from './launch/node-process.ts';

const EVENTS = 100_000;

describe('the Bridge, with much to show', () => {
  let run: BridgeRun;
  let folder: string;
  before(async function () {
    this.timeout(240_000);
    folder = await mkdtemp(join(tmpdir(), 'keptn-many-'));
    await writeFile(
      join(folder, 'many.yaml'),
      manyStages()
        .map((one) => stringify(one))
        .join('---\n'),
    );
    run = await startBridgeRun(relative(root, folder));
    await fillHistory(run.keptn, EVENTS);
  });
  after(async () => {
    await run.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('has its first screen in under a second', async () => {
    const page = await run.open('/');
    const times: number[] = [];
    for (let nth = 0; nth < 3; nth += 1) {
      const began = performance.now();
      await page.goto(run.url);
      await page.locator('.tile').first().waitFor();
      times.push(performance.now() - began);
    }
    expect(await page.locator('.tile').count()).to.equal(20);
    expect(times.sort((a, b) => a - b)[1]).to.be.lessThan(1_000);
    await run.picture(page, 'many-projects');
    await page.goto(`${run.url}/project/p0`);
    await page.getByText('s49').first().waitFor();
    await run.picture(page, 'many-stages');
    await page.context().close();
  });

  it('scrolls through the log with but the rows that are seen in the page, and flat memory', async () => {
    const page = await run.open('/log?show=events&project=filled');
    await page.locator('.log-row').first().waitFor();
    const heap = async (): Promise<number> =>
      Number(await page.evaluate('performance.memory.usedJSHeapSize')) / 1024 / 1024;
    const before = await heap();
    for (let nth = 0; nth < 40; nth += 1) {
      await page.evaluate("document.querySelector('.virtual').scrollTo(0, 1e9)");
      await page.waitForTimeout(60);
    }
    expect(await page.locator('.virtual-row').count()).to.be.lessThan(80);
    expect((await heap()) - before).to.be.lessThan(60);
    await page.context().close();
  });

  it('says when the api is away, and goes on by itself when it is back', async () => {
    const gate = await gateTo(run.keptn.url);
    const bridge = await startBridge({
      ...{ api: gate.url, version: '0.6.2', host: '127.0.0.1', port: 0 },
      ...{ metrics: createProcessMetrics(), log: createLog('test', 'silent') },
      access: { token: run.keptn.token, tokenLogin: true, ticket: 'a-ticket-for-this-test' },
    });
    const page = await (await run.browser.newContext()).newPage();
    await page.goto(`${bridge.url}/#ticket=a-ticket-for-this-test`);
    await page.getByText('Live', { exact: true }).waitFor();
    await page.locator('.tile').first().waitFor();
    await gate.shut();
    await page.getByText('Not live').waitFor();
    await page.getByRole('link', { name: 'Log' }).click();
    await page
      .getByText(/does not answer/)
      .first()
      .waitFor();
    await run.picture(page, 'api-away');
    await gate.open();
    await page.getByText('Live', { exact: true }).waitFor({ timeout: 20_000 });
    await page.getByRole('link', { name: 'Projects', exact: true }).click();
    await page.locator('.tile').first().waitFor();
    await page.context().close();
    await bridge.close();
    await gate.shut();
  });
});

/** A door before the api that can be shut. */
async function gateTo(target: string) {
  let server: Server;
  let port = 0;
  const open = async (): Promise<void> => {
    server = createServer((request, response) => {
      const { method = 'GET', url = '/', headers } = request;
      const outgoing = httpRequest(new URL(url, target), { method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      outgoing.on('error', () => response.destroy());
      response.on('close', () => outgoing.destroy());
      request.pipe(outgoing);
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  };
  const shut = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  await open();
  return { url: `http://127.0.0.1:${port}`, open, shut };
}
