/** The jmeter-service: how a deployment is tested, and what is said of it. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { z } from 'zod';
import { until } from '../lib/bus/contract-parts.ts';
import { Configuration } from '../lib/configuration/client.ts';
import { eventTypes } from '../lib/events/event.ts';
import { deploymentFinished, type DeploymentFinished } from '../lib/events/workflow.ts';
import { jmeterService } from '../services/jmeter-service/handler.ts';
import { addressOf, targetOf } from '../services/jmeter-service/target.ts';
import { sockshopPlans } from './launch/carts.ts';
import { deploymentOf, startDeployments } from './launch/deployments.ts';
import * as jmx from './launch/plans.ts';
import { asking, check, startTested, type Tested } from './launch/tested.ts';

describe('the jmeter-service', () => {
  let world: Tested;
  beforeEach(async () => (world = await startTested()));
  afterEach(() => world.stop());

  describe('by test strategy', () => {
    it("functional: sockshop's health check and its load plan once, and says what they measured", async () => {
      await world.add(Object.fromEntries(await sockshopPlans()));
      await world.start();
      const labels = { build: '7' };
      const event = deploymentOf({ deploymentURILocal: world.carts.url, teststrategy: 'functional', labels });
      const began = Math.floor(Date.now() / 1000) * 1000;
      const answer = await world.deployments.tests({ ...event, extensions: { gitcommitid: '' } });
      const { data } = answer;
      expect(data).to.deep.include({ project: 'p1', stage: 'dev', service: 'carts', labels, result: 'pass' });
      expect(data).to.include({ teststrategy: 'functional', deploymentstrategy: 'direct' });
      expect(data.message).to.equal(undefined);
      expect(data.report).to.include({ tool: 'http', requests: 3, errors: 0, error_rate: 0 });
      expect(data.start).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      // Four requests, each after 250 ms of thinking.
      expect(Date.parse(data.end) - Date.parse(data.start)).to.be.within(0, 10_000);
      expect(Date.parse(data.start)).to.be.at.least(began);
      expect(world.paths()).to.equal('/health /carts/jmeter-1/items /carts/jmeter-1/items /carts/jmeter-1');
      const marks = world.carts.asked.map(({ headers }) => String(headers['x-dynatrace-test']).replace(/.*LTN=/, ''));
      expect(marks[0]).to.equal(`HealthCheck_${event.id}`);
      expect(marks[1]).to.equal(`FuncCheck_${event.id}`);
      const said = world.deployments.said(event);
      expect(said[0]).to.equal(`1 user, 1 loop of jmeter/basiccheck.jmx against ${world.carts.url}/health, by http`);
      expect(said.at(-1)).to.equal('the tests of carts in dev: pass');
      expect(said.at(-2)).to.match(/^jmeter\/load.jmx: 3 requests, 0 failed, [\d.]+ a second, [\d.]+ ms on average, /);
    });

    it('functional: one error of the service is too many, and the message says which it was', async () => {
      await world.add(Object.fromEntries(await sockshopPlans()));
      world.carts.instead = ({ method }, response) => method === 'DELETE' && Boolean(response.writeHead(500).end());
      await world.start();
      const { result, message, report } = await world.tested({ teststrategy: 'functional' });
      expect({ result, message }).to.deep.equal({
        result: 'fail',
        message: '1 of 3 requests of jmeter/load.jmx failed; the first: empty cart: 500 came where 202 was expected',
      });
      expect(report).to.include({ requests: 3, errors: 1, error_rate: 33.333 });
    });

    it('performance: ten users, five hundred loops, and 250 ms between two requests of a user', async () => {
      // All but the think time, in which nobody else has to wait here.
      await world.add({ 'jmeter/load.jmx': asking('/health'), 'jmeter/basiccheck.jmx': check });
      await world.start();
      const { result, report } = await world.tested({ teststrategy: 'performance' });
      expect({ result, requests: report?.requests }).to.deep.equal({ result: 'pass', requests: 5_000 });
      const think = jmx.planWith([
        jmx.defaults(),
        jmx.group([jmx.sampler('x', 'GET', '/${__P(VUCount)}/${__P(LoopCount)}/${__P(ThinkTime)}')], {
          users: '1',
          loops: '1',
        }),
      ]);
      await world.add({ 'jmeter/load.jmx': think });
      await world.tested({ teststrategy: 'Performance' });
      expect(world.carts.asked.at(-1)?.url).to.equal('/10/500/250');
    });

    for (const [errors, result] of [
      [1, 'pass'],
      [2, 'fail'],
    ] as const) {
      it(`performance: ${errors} errors of 10 requests are a ${result}`, async () => {
        const workloads = '[{teststrategy: performance, vuser: 2, loopcount: 5, thinktime: 0}]';
        await world.add({ 'jmeter/load.jmx': asking('/health'), 'jmeter/jmeter.conf.yaml': `workloads: ${workloads}` });
        let left: number = errors;
        world.carts.instead = (_, response) => left-- > 0 && Boolean(response.writeHead(503).end());
        await world.start();
        const data = await world.tested({ teststrategy: 'performance' });
        expect(data.result).to.equal(result);
        expect(data.report?.error_rate).to.equal(errors * 10);
        if (result === 'pass') return;
        expect(data.message).to.match(
          /^2 of 10 requests of jmeter\/load.jmx failed, more than the 10 % that are accepted; /,
        );
      });
    }

    it('the health check comes first, and where it fails nothing else is asked', async () => {
      await world.add({ 'jmeter/basiccheck.jmx': check, 'jmeter/load.jmx': asking('/load') });
      world.carts.instead = (_, response) => Boolean(response.writeHead(503).end());
      await world.start();
      const { result, message, report } = await world.tested({ teststrategy: 'functional' });
      expect(result).to.equal('fail');
      expect(message).to.include('jmeter/basiccheck.jmx failed; the first: health: the service answered 503');
      expect(report?.requests).to.equal(1);
      expect(world.paths()).to.equal('/health');
    });

    it('none: the health check alone', async () => {
      await world.add({ 'jmeter/basiccheck.jmx': check, 'jmeter/load.jmx': asking('/load') });
      await world.start();
      const { result, report } = await world.tested({ teststrategy: null });
      expect({ result, requests: report?.requests }).to.deep.equal({ result: 'pass', requests: 1 });
      expect(world.paths()).to.equal('/health');
    });

    it('one that nobody knows fails, and says so, where 0.6.2 fell silent', async () => {
      await world.add({ 'jmeter/basiccheck.jmx': check });
      await world.start();
      const { result, message } = await world.tested({ teststrategy: 'chaos' });
      expect(result).to.equal('fail');
      expect(message).to.match(/^nobody knows the test strategy chaos: /);
    });

    it('real-user: nothing, which the wait-service answers', async () => {
      await world.add({ 'jmeter/basiccheck.jmx': check });
      await world.start();
      const users = deploymentOf({ deploymentURILocal: world.carts.url, teststrategy: 'real-user' });
      await world.deployments.bus.publish(users);
      await world.tested({ teststrategy: '' });
      const answers = world.deployments.seen.filter(({ type }) => type === eventTypes.testsFinished);
      expect(answers.filter(({ shkeptncontext }) => shkeptncontext === users.shkeptncontext)).to.deep.equal([]);
      expect(world.paths()).to.equal('/health');
    });
  });

  it('counts plans that are not there as passed, and says so', async () => {
    await world.start();
    const event = deploymentOf({ deploymentURILocal: world.carts.url, teststrategy: 'performance' });
    const { result, message, report } = (await world.deployments.tests(event)).data;
    expect({ result, report }).to.deep.equal({ result: 'pass', report: undefined });
    expect(message).to.equal('nothing was tested: there is no jmeter/basiccheck.jmx and no jmeter/load.jmx');
    expect(world.deployments.said(event)[0]).to.equal('there is no jmeter/basiccheck.jmx: it counts as passed');
  });

  it('tests nothing where nothing was deployed, and says that it was a dry run', async () => {
    await world.add({ 'jmeter/basiccheck.jmx': check });
    await world.start();
    const data = await world.tested({ teststrategy: 'functional', dryrun: true });
    expect(data).to.include({ result: 'pass', dryrun: true, message: 'nothing was deployed: dry run' });
    expect(world.carts.asked).to.deep.equal([]);
  });

  it('takes the plans as they were at the commit of the deployment, which its answer names again', async () => {
    const [written] = await world.add({ 'jmeter/basiccheck.jmx': asking('/old') });
    const { version } = z.object({ version: z.string() }).parse(written);
    await world.add({ 'jmeter/basiccheck.jmx': asking('/new') });
    await world.start();
    const event = deploymentOf({ deploymentURILocal: world.carts.url });
    const answer = await world.deployments.tests({ ...event, extensions: { gitcommitid: version } });
    expect(world.paths()).to.equal('/old');
    expect(answer.extensions).to.deep.include({ gitcommitid: version });
    await world.tested({});
    expect(world.paths()).to.equal('/old /new');
  });

  it('gives its answer the same id when the same deployment comes again', async () => {
    await world.add({ 'jmeter/basiccheck.jmx': check });
    await world.start();
    const event = deploymentOf({ deploymentURILocal: world.carts.url });
    const first = await world.deployments.tests(event);
    const other = await startDeployments();
    await other.serve(jmeterService(world.settingsOf()));
    expect((await other.tests(event)).id).to.equal(first.id);
    expect(world.paths()).to.equal('/health /health');
    await other.stop();
  });

  describe('with a jmeter.conf.yaml', () => {
    it('runs the strategies that it describes, also ones of the project', async () => {
      const smoke =
        '{teststrategy: smoke, script: jmeter/smoke.jmx, vuser: 2, loopcount: 3, properties: {WHERE: /here}}';
      await world.add({
        'jmeter/jmeter.conf.yaml': `spec_version: '0.1.0'\nworkloads:\n  - ${smoke}\n`,
        'jmeter/smoke.jmx': asking('${__P(WHERE)}'),
        'jmeter/basiccheck.jmx': check,
      });
      world.carts.instead = (_, response) => Boolean(response.end());
      await world.start();
      const { result, report } = await world.tested({ teststrategy: 'smoke' });
      expect({ result, requests: report?.requests }).to.deep.equal({ result: 'pass', requests: 6 });
      expect(world.paths()).to.equal('/health /here /here /here /here /here /here');
    });

    it('accepts as many errors, and as slow answers, as it says', async () => {
      const limits = 'acceptederrorrate: 1.0, avgrtvalidation: 50';
      await world.add({
        'jmeter/jmeter.conf.yaml': `workloads: [{teststrategy: functional, ${limits}}]`,
        'jmeter/load.jmx': asking('/bad'),
      });
      await world.start();
      expect((await world.tested({ teststrategy: 'functional' })).result).to.equal('pass');
      world.carts.instead = (_, response) => Boolean(setTimeout(() => response.end(), 80));
      const { result, message } = await world.tested({ teststrategy: 'functional' });
      expect(result).to.equal('fail');
      expect(message).to.match(/^the requests of jmeter\/load.jmx took \d+ ms on average, more than 50 ms$/);
    });

    for (const [text, message] of [
      ['workloads: [{teststrategy: functional, vuser: 0}]', /^jmeter\/jmeter.conf.yaml: workloads.0.vuser: /],
      ['workloads: [{vuser: 1}]', /^jmeter\/jmeter.conf.yaml: workloads.0.teststrategy: is missing$/],
      ['workloads: [{teststrategy: x, users: 1}]', /^jmeter\/jmeter.conf.yaml: workloads.0: .*"users"/],
      ['workloads: [{teststrategy: x, acceptederrorrate: 10}]', /acceptederrorrate: must be at most 1: 0.1 is 10 %$/],
      ['runner: gatling', /^jmeter\/jmeter.conf.yaml: runner: /],
      ['workloads: [', /^jmeter\/jmeter.conf.yaml is no YAML: /],
    ] as const) {
      it(`fails with the field where it is wrong: ${text}`, async () => {
        await world.add({ 'jmeter/jmeter.conf.yaml': text });
        await world.start();
        const data = await world.tested({ teststrategy: 'functional' });
        expect(data.result).to.equal('fail');
        expect(data.message).to.match(message);
      });
    }
  });

  describe('always says how the tests ended', () => {
    it('when the plan has what the http runner cannot run', async () => {
      const plan = jmx.planWith([jmx.group([jmx.element('JDBCSampler', 'select', [])])]);
      await world.add({ 'jmeter/load.jmx': plan });
      await world.start();
      expect(await world.tested({ teststrategy: 'functional' })).to.include({
        result: 'fail',
        message: 'jmeter/load.jmx has a JDBC sampler, which the http runner cannot run: install JMeter',
      });
    });

    it('when the plan is none', async () => {
      await world.add({ 'jmeter/basiccheck.jmx': 'import http from "k6/http";' });
      await world.start();
      const { result, message } = await world.tested({});
      expect(result).to.equal('fail');
      expect(message).to.match(/^jmeter\/basiccheck.jmx is no JMeter plan: /);
    });

    it('when the address of the deployment is none', async () => {
      await world.start();
      const { result, message } = await world.tested({ deploymentURILocal: 'carts.sockshop-dev' });
      expect(result).to.equal('fail');
      expect(message).to.equal('the address of the deployment is no http or https address: carts.sockshop-dev');
    });

    it('when nobody listens at the address', async () => {
      await world.add({ 'jmeter/basiccheck.jmx': check });
      await world.start();
      const { result, message } = await world.tested({ deploymentURILocal: 'http://127.0.0.1:1' });
      expect(result).to.equal('fail');
      expect(message).to.include('the first: health: http://127.0.0.1:1/health: ');
    });

    it('when they take too long', async () => {
      await world.add({ 'jmeter/basiccheck.jmx': check });
      world.carts.instead = () => true;
      await world.start({ KEPTN_TEST_TIMEOUT_MINUTES: '0.01' });
      const began = Date.now();
      expect(await world.tested({})).to.include({ result: 'fail', message: 'the tests took longer than 0.6 s' });
      expect(Date.now() - began).to.be.below(5_000);
    });

    it('when the configuration-service stays away', async () => {
      const configuration = new Configuration('http://127.0.0.1:1', 'test <test@keptn.sh>');
      await world.start({}, { configuration });
      const { result, message } = await world.tested({});
      expect(result).to.equal('fail');
      expect(message).to.match(/^the configuration-service does not answer: /);
    });
  });

  it('stops the tests of a delivery that is aborted, and says nothing of them', async () => {
    await world.add({ 'jmeter/basiccheck.jmx': check });
    world.carts.instead = () => true;
    let unwanted = false;
    await world.start({}, { aborted: async () => unwanted });
    const event = deploymentOf({ deploymentURILocal: world.carts.url });
    await world.deployments.bus.publish(event);
    await until('the request', () => world.carts.asked.length > 0);
    unwanted = true;
    await until('the end', () => world.deployments.said(event).some((line) => line.startsWith('aborted')));
    expect(world.deployments.seen.filter(({ type }) => type === eventTypes.testsFinished)).to.deep.equal([]);
  });

  it('tests again what its process has left when it ended', async () => {
    await world.add({ 'jmeter/basiccheck.jmx': check });
    world.carts.instead = () => world.carts.asked.length === 1;
    const served = await world.start();
    const event = deploymentOf({ deploymentURILocal: world.carts.url });
    await world.deployments.bus.publish(event);
    await until('the request', () => world.carts.asked.length > 0);
    await served.close();
    await world.start();
    expect((await world.deployments.tests(event)).data.result).to.equal('pass');
    expect(world.paths()).to.equal('/health /health');
  });

  it('tests all the same where no results can be kept, and says so', async () => {
    await world.add({ 'jmeter/basiccheck.jmx': check });
    const reports = join(world.folder, 'reports');
    await writeFile(reports, 'a file');
    await world.start({ KEPTN_REPORTS_DIR: reports });
    const event = deploymentOf({ deploymentURILocal: world.carts.url });
    expect((await world.deployments.tests(event)).data.result).to.equal('pass');
    expect(world.deployments.said(event).join('\n')).to.include('no report is kept: EEXIST');
  });

  it('keeps the results of the newest hundred runs', async () => {
    const reports = join(world.folder, 'reports');
    await mkdir(reports);
    for (let n = 100; n < 205; n += 1) await writeFile(join(reports, `20200101T000000${n}Z-old.jtl`), '');
    await writeFile(join(reports, 'notes.txt'), 'of somebody');
    await world.add({ 'jmeter/basiccheck.jmx': check });
    await world.start({ KEPTN_REPORTS_DIR: reports });
    const event = deploymentOf({ deploymentURILocal: world.carts.url });
    await world.deployments.tests(event);
    const names = (await readdir(reports)).sort();
    expect(names).to.have.length(101);
    expect(names[0]).to.include('000106Z-old');
    expect(names.at(-2)).to.match(new RegExp(`^\\d{8}T\\d{9}Z-p1-dev-carts-HealthCheck_${event.id}\\.jtl$`));
    expect(await readFile(join(reports, names.at(-2) ?? ''), 'utf8')).to.include(',health,200,');
  });
});

describe('the address that is tested', () => {
  const of = (data: Record<string, unknown>): DeploymentFinished =>
    deploymentFinished.parse(deploymentOf({ project: 'sockshop', ...data }).data);
  const local = 'https://carts.sockshop-dev.svc.cluster.local/test';
  const open = 'http://carts.sockshop-dev.mydomain.com:8080/myendpoint';

  for (const [what, data, address] of [
    ['the local one', { deploymentURILocal: local, deploymentURIPublic: open }, local],
    ['else the public one', { deploymentURIPublic: open }, open],
    ['else the name by convention', {}, 'http://carts.sockshop-dev/health'],
    [
      'of the canary with blue_green_service',
      { deploymentstrategy: 'blue_green_service' },
      'http://carts-canary.sockshop-dev/health',
    ],
  ] as const) {
    it(`is ${what}`, () => {
      expect(addressOf(of(data))).to.equal(address);
    });
  }

  for (const [address, protocol, host, port, path] of [
    [local, 'https', 'carts.sockshop-dev.svc.cluster.local', '443', '/test'],
    [open, 'http', 'carts.sockshop-dev.mydomain.com', '8080', '/myendpoint'],
    ['http://carts.sockshop-dev', 'http', 'carts.sockshop-dev', '80', '/health'],
    ['http://carts.sockshop-dev/', 'http', 'carts.sockshop-dev', '80', '/'],
    ['http://carts:80?x=/y', 'http', 'carts', '80', '/health'],
  ] as const) {
    it(`of ${address} is told to plans in parts`, () => {
      expect(targetOf(of({ deploymentURILocal: address }))).to.include({ protocol, host, port, path });
    });
  }
});
