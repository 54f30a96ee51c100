/** The Bridge in a real browser, on the sockshop of a real standalone run. */
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { startBridgeRun, type BridgeRun } from './launch/bridge.ts';
import { until } from './launch/standalone.ts';

describe('the Bridge', () => {
  let run: BridgeRun;
  let failed: string;
  before(async () => {
    run = await startBridgeRun();
    for (const service of ['carts', 'carts-db']) await run.tested(service, 'dev', 100);
    failed = await run.tested('carts', 'staging', 812);
    await until('the failure', async () => {
      const ends = await run.find('type=sh.keptn.event.delivery.finished&project=sockshop&stage=staging');
      return ends.some(({ data }) => data['result'] === 'fail');
    });
  });
  after(() => run.stop());

  const pages = (): Record<string, [path: string, text: string | RegExp]> => ({
    projects: ['/', /response_time_p95 is 812/],
    project: ['/project/sockshop', 'blue/green · performance'],
    sequence: [`/trace/${failed}`, 'Failed in staging'],
    evaluations: ['/evaluations?project=sockshop&stage=staging&service=carts', '50 of 100'],
    'service-history': ['/project/sockshop/carts', 'keptn-operator'],
    resources: ['/resources?project=sockshop&stage=dev&service=carts&path=slo.yaml', 'spec_version'],
    compare: ['/compare?project=sockshop&from=dev&to=staging', /response_time|slo\.yaml/],
    log: ['/log', 'that is all'],
    problems: ['/problems', 'No problem has been told of.'],
  });

  for (const dark of [false, true]) {
    it(`shows each page, ${dark ? 'dark' : 'light'}, without anything that axe objects to`, async function () {
      this.timeout(120_000);
      const page = await run.open('/', dark);
      for (const [name, [path, text]] of Object.entries(pages())) {
        await page.goto(run.url + path);
        await page.getByText(text).first().waitFor({ timeout: 10_000 });
        if (name === 'evaluations') await page.locator('canvas').first().waitFor();
        await run.picture(page, `${name}-${dark ? 'dark' : 'light'}`);
        expect(await run.violations(page), name).to.deep.equal([]);
      }
      await page.context().close();
    });
  }

  it('fits a phone: no page is wider than the screen', async () => {
    const page = await run.open('/');
    await page.setViewportSize({ width: 390, height: 800 });
    for (const [name, [path, text]] of Object.entries(pages())) {
      await page.goto(run.url + path);
      await page.getByText(text).first().waitFor({ state: 'attached' });
      await run.picture(page, `${name}-phone`);
      expect(await page.evaluate('document.documentElement.scrollWidth'), name).to.be.at.most(390);
    }
    await page.context().close();
  });

  it('tells on the first screen what stopped and why, and leads to the failed step with one click', async () => {
    const page = await run.open('/');
    await page.getByRole('link', { name: /response_time_p95 is 812/ }).click();
    const why = page.getByRole('region', { name: 'Why it stopped' });
    expect(await why.innerText()).to.include('response_time_p95 is 812 (wanted');
    const table = page.getByRole('region', { name: 'Indicators' });
    expect(await table.innerText()).to.match(/response_time_p95\s+fail\s+812/);
    await page.context().close();
  });

  it('watches a delivery live, begun by its button, and tells who began it', async () => {
    const page = await run.open('/project/sockshop');
    await page.getByRole('button', { name: 'Deliver an artifact' }).click();
    await page.getByLabel('Image, with its tag').fill('docker.io/keptnexamples/carts:0.10.9');
    const dialog = page.getByRole('dialog');
    expect(await dialog.innerText())
      .to.include('keptn send event new-artifact --project=sockshop --service=carts --image=docker.io')
      .and.to.include('image: docker.io/keptnexamples/carts:0.10.9');
    await run.picture(page, 'deliver');
    expect(await run.violations(page)).to.deep.equal([]);
    await dialog.getByRole('button', { name: 'Deliver an artifact' }).click();
    await page.getByText('Testing in dev').waitFor();
    await run.tested('carts', 'dev', 100);
    await page.getByText(/Testing in staging/).waitFor();
    await page.getByText('begun by local user').waitFor();
    await page.context().close();
  });

  it('offers to promote and to roll back by what has passed, and says so where nothing has', async () => {
    const page = await run.open('/project/sockshop/carts');
    const dialog = page.getByRole('dialog');
    await page.getByRole('button', { name: 'Promote' }).click();
    await dialog.getByLabel('Stage').selectOption('dev');
    expect(await dialog.innerText())
      .to.match(/carts:0\.10\.\d+ is deployed to staging/)
      .and.to.include('keptn promote --project=sockshop --service=carts --stage=dev');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Roll back' }).click();
    await dialog.getByLabel('Stage').selectOption('prod');
    expect(await dialog.innerText()).to.include('nothing to go back to');
    expect(await dialog.getByRole('button', { name: 'Roll back' }).isDisabled()).to.equal(true);
    await page.context().close();
  });

  it('has an event on the screen within 500 ms', async () => {
    const page = await run.open('/log');
    await page.locator('.log-row').first().waitFor();
    const times: number[] = [];
    for (let nth = 0; nth < 5; nth += 1) {
      const message = `mark-${nth}-${Date.now()}`;
      const began = performance.now();
      const data = { project: 'sockshop', message };
      await run.send({ type: 'sh.keptn.event.mark', source: 'test', data });
      await page.getByText(message).waitFor();
      times.push(performance.now() - began);
    }
    expect(Math.max(...times)).to.be.lessThan(500);
    await page.context().close();
  });

  it('gives an approval', async () => {
    const where = { project: 'sockshop', stage: 'prod', service: 'carts' };
    const image = { image: 'docker.io/keptnexamples/carts', tag: '0.10.9' };
    const page = await run.open('/project/sockshop');
    const context = await run.send({
      type: 'sh.keptn.event.approval.triggered',
      source: 'test',
      data: { ...where, ...image, teststrategy: '', deploymentstrategy: '', labels: null },
    });
    await page.getByRole('button', { name: 'Approve' }).click();
    await run.picture(page, 'approve');
    const dialog = page.getByRole('dialog');
    expect(await dialog.innerText()).to.include(`keptn.sh/approve: ${context}`.slice(0, 16));
    await dialog.getByLabel('Why').fill('looks good to me');
    await dialog.getByRole('button', { name: 'Approve' }).click();
    await page.getByText('looks good to me').first().waitFor();
    const query = 'type=sh.keptn.event.approval.finished&project=sockshop&stage=prod';
    await until('the answer in the history', async () => (await run.find(query)).length > 0);
    const [answer] = await run.find(query);
    expect(answer?.data).to.deep.include({ labels: { by: 'local user' } });
    await page.context().close();
  });

  it('shows text of events as text, whatever it is', async () => {
    const evil = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>';
    const data = {
      ...{ project: 'sockshop', stage: 'dev', service: 'carts', labels: { [evil]: evil }, message: evil },
      ...{ image: evil, tag: evil, deploymentURIPublic: 'javascript:window.hacked=1', ProblemTitle: evil },
      ...{ PID: evil, State: 'OPEN', ProblemDetails: evil, result: evil, evaluationdetails: { result: evil } },
    };
    const contexts: string[] = [];
    const types = ['deployment-finished', 'evaluation-done', 'problem', 'log', `x.y`];
    for (const type of types) contexts.push(await run.send({ type: `sh.keptn.events.${type}`, source: evil, data }));
    const page = await run.open('/');
    const isUnhurt = async (at: Page): Promise<void> => {
      expect(await at.evaluate('window.hacked')).to.equal(undefined);
      expect(await at.locator('img').count()).to.equal(0);
      expect(await at.locator('a[href^="javascript"]').count()).to.equal(0);
    };
    for (const path of ['/log', '/problems', '/project/sockshop', '/project/sockshop/carts', '/']) {
      await page.goto(run.url + path);
      await page.waitForTimeout(400);
      await isUnhurt(page);
    }
    for (const context of contexts) {
      await page.goto(`${run.url}/trace/${context}`);
      await page.locator('.step-head, .lines').first().waitFor();
      for (const step of await page.locator('.step-head[aria-expanded=false]').all()) await step.click();
      await isUnhurt(page);
    }
    expect(run.problems).to.deep.equal([]);
    await page.context().close();
  });
});
