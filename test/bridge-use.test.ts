/** The Bridge in use: real deliveries that ask, problems that come and go, evaluations and versions side by side, no mouse. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import { stringify } from 'yaml';
import { startBridgeRun, type BridgeRun } from './launch/bridge.ts';
import { startBrowser } from './launch/browser.ts';
import { root } from './launch/node-process.ts';
import { startStandalone, type Standalone } from './launch/standalone.ts';
import { tinyChart } from './launch/tiny.ts';
import { custom } from './launch/world.ts';

describe('the Bridge, in use,', () => {
  let run: BridgeRun;
  before(async () => {
    run = await startBridgeRun();
    await run.tested('carts', 'dev', 100);
  });
  after(() => run.stop());

  it('shows two evaluations side by side, and what a delivery has changed of the configuration', async () => {
    const data = {
      ...{ project: 'sockshop', service: 'carts', stage: '', labels: null },
      ...{ valuesCanary: { image: 'docker.io/keptnexamples/carts:0.10.9' }, canary: { action: 'set', value: 100 } },
    };
    await run.send({ type: 'sh.keptn.event.configuration.change', source: 'test', data });
    await run.tested('carts', 'dev', 250);
    const page = await run.open('/evaluations?project=sockshop&stage=dev&service=carts');
    await page.getByRole('button', { name: 'compare' }).click();
    const chosen = page.getByRole('region', { name: 'The chosen evaluation' });
    await chosen.getByText('Before').waitFor();
    expect(await chosen.innerText()).to.match(/response_time_p95\s+\S+\s+250\s+100\s+\+150 %/);
    await run.picture(page, 'evaluations-compared');
    expect(await run.violations(page)).to.deep.equal([]);
    await page.goto(`${run.url}/project/sockshop/carts`);
    await page.getByRole('region', { name: 'Deliveries of carts' }).locator('tbody tr').nth(1).waitFor();
    await page.locator('tbody tr').first().locator('td').last().getByRole('link').first().click();
    await page.getByText(/^\+image: .*0\.10\.9/).waitFor();
    expect(await page.locator('.page').innerText()).to.match(/-image: .*0\.10\.1/);
    await run.picture(page, 'versions-compared');
    await page.context().close();
  });

  it('shows a problem where it is while it is open, and among the closed ones then', async () => {
    const page = await run.open('/project/sockshop');
    const problem = (State: string, type: string) => ({
      ...{ type, source: 'prometheus' },
      data: {
        ...{ State, ProblemID: 'p1', PID: 'p1', ProblemTitle: 'Response time degradation', ProblemDetails: { a: 1 } },
        ...{ project: 'sockshop', stage: 'prod', service: 'carts' },
      },
    });
    await run.send(problem('OPEN', 'sh.keptn.event.problem.open'));
    await page.getByRole('link', { name: '1 open problem' }).click();
    await page.getByRole('link', { name: /Open.*Response time degradation.*sockshop \/ prod \/ carts/ }).waitFor();
    await run.picture(page, 'problem-open');
    expect(await run.violations(page)).to.deep.equal([]);
    await run.send(problem('RESOLVED', 'sh.keptn.events.problem'));
    await page.getByText('No problem is open.').waitFor();
    await page.getByLabel('closed ones as well').click();
    await page.getByRole('link', { name: /Closed.*Response time degradation/ }).waitFor();
    await page.context().close();
  });

  it('can be used without a mouse: focus goes into a dialog, and back to its button', async () => {
    const page = await run.open('/project/sockshop');
    const focused = (): Promise<unknown> => page.evaluate('document.activeElement.textContent.trim()');
    await page.getByRole('button', { name: 'Deliver an artifact' }).waitFor();
    for (let nth = 0; nth < 20 && (await focused()) !== 'Deliver an artifact'; nth += 1)
      await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    expect(await page.evaluate('document.querySelector("dialog").contains(document.activeElement)')).to.equal(true);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    expect(await focused()).to.equal('Deliver an artifact');
    await page.context().close();
  });
});

describe('the Bridge, where a stage is entered when a person says so,', () => {
  let instance: Standalone;
  let browser: Browser;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keptn-bridge-approval-'));
    const shipyard = {
      stages: [
        { name: 'dev', deployment_strategy: 'direct' },
        { name: 'prod', deployment_strategy: 'direct', approval_strategy: 'manual' },
      ],
    };
    const objects = [
      custom('Project', 'shop', { shipyard }),
      custom('Service', 'shop-carts', { project: 'shop', name: 'carts', artifact: { image: 'carts:1' } }),
      ...Object.entries(tinyChart('carts')).map(([uri, text], nth) =>
        custom('Resource', `shop-${nth}`, { project: 'shop', service: 'carts', uri, text }),
      ),
    ];
    await writeFile(join(folder, 'shop.yaml'), objects.map((object) => stringify(object)).join('---\n'));
    instance = await startStandalone(relative(root, folder));
    browser = await startBrowser();
  });
  after(async () => {
    await browser.close();
    await instance.stop();
    await rm(folder, { recursive: true });
  });

  it('asks on the first screen, and the delivery goes on to its end with the answer', async () => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(instance.bridge);
    await page.getByRole('link', { name: /waits for approval to enter prod/ }).waitFor();
    await page.goto(`${new URL(instance.bridge).origin}/project/shop`);
    await page.getByRole('button', { name: 'Approve' }).click();
    const dialog = page.getByRole('dialog');
    expect(await dialog.innerText()).to.include('carts:1 is deployed to prod');
    await dialog.getByRole('button', { name: 'Approve' }).click();
    await page.getByText('Ready in prod').first().waitFor();
    await page.goto(new URL(instance.bridge).origin);
    await page.getByText('Nothing has stopped, and nothing waits for you.').waitFor();
  });
});
