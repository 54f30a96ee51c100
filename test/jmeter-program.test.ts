/** How the jmeter-service runs the program JMeter: the one of this machine where there is one, and a stand-in. */
import { existsSync, readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { until } from '../lib/bus/contract-parts.ts';
import type { JmeterServiceSettings } from '../services/jmeter-service/handler.ts';
import { sockshopPlans } from './launch/carts.ts';
import { deploymentOf } from './launch/deployments.ts';
import { realJmeter, standInJmeter } from './launch/jmeter.ts';
import * as jmx from './launch/plans.ts';
import { check, startTested, type Tested } from './launch/tested.ts';

describe('the jmeter-service and the program JMeter', () => {
  let world: Tested;
  beforeEach(async () => (world = await startTested()));
  afterEach(() => world.stop());

  describe('by the JMeter of this machine', () => {
    it("runs sockshop's own plans, and measures the same requests", async function () {
      const JMETER = await realJmeter();
      if (JMETER === undefined) return this.skip();
      const workloads = '[{teststrategy: performance, vuser: 2, loopcount: 3, thinktime: 10}]';
      const reports = join(world.folder, 'reports');
      await world.add({
        ...Object.fromEntries(await sockshopPlans()),
        'jmeter/jmeter.conf.yaml': `workloads: ${workloads}`,
      });
      await world.start({ KEPTN_TEST_RUNNER: 'auto', JMETER, KEPTN_REPORTS_DIR: reports });
      const { result, message, report } = await world.tested({ teststrategy: 'performance' });
      expect({ result, message }).to.deep.equal({ result: 'pass', message: undefined });
      expect(report).to.include({ tool: 'jmeter', requests: 18, errors: 0 });
      expect(world.carts.asked).to.have.length(19);
      expect(await readdir(reports)).to.have.length(2);
    });

    it('says why it cannot run a plan', async function () {
      const JMETER = await realJmeter();
      if (JMETER === undefined) return this.skip();
      await world.add({ 'jmeter/basiccheck.jmx': jmx.planWith([jmx.element('NoSuchSampler', 'x', [])]) });
      await world.start({ KEPTN_TEST_RUNNER: 'jmeter', JMETER });
      const { result, message } = await world.tested({});
      expect(result).to.equal('fail');
      expect(message).to.match(/^JMeter with jmeter\/basiccheck.jmx ended with 1: .*NoSuchSampler/s);
    });
  });

  describe('with a stand-in for the program JMeter', () => {
    const withPlan = async (
      plan: string,
      more: Partial<JmeterServiceSettings> = {},
      environment = {},
    ): Promise<void> => {
      const JMETER = await standInJmeter(world.folder);
      const content = `<jmeterTestPlan><hashTree><!-- ${plan} --></hashTree></jmeterTestPlan>`;
      await world.add({ 'jmeter/basiccheck.jmx': content, 'jmeter/load.jmx': content });
      await world.start({ KEPTN_TEST_RUNNER: 'auto', JMETER, ...environment }, more);
    };
    /** What has ended and was not yet noticed by its parent is not alive. */
    const alive = (pid: number): boolean => {
      try {
        process.kill(pid, 0);
        return !existsSync('/proc') || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
      } catch {
        return false;
      }
    };

    it("gives it 0.6.2's properties, and reads what it measured", async () => {
      await withPlan('a plan');
      const event = deploymentOf({ deploymentURILocal: world.carts.url, teststrategy: 'functional' });
      const { result, report } = (await world.deployments.tests(event)).data;
      expect(result).to.equal('pass');
      expect(report).to.include({ tool: 'jmeter', requests: 1, errors: 0 });
      const marks = world.carts.asked.map(({ headers }) => headers['x-dynatrace-test']);
      expect(marks).to.deep.equal([`HealthCheck_${event.id}`, `FuncCheck_${event.id}`]);
    });

    it('tells the first failure, which may have commas, quotes and ends of lines', async () => {
      world.carts.instead = (_, response) => Boolean(response.writeHead(503).end());
      await withPlan('a plan');
      expect((await world.tested({})).message).to.equal(
        '1 of 1 request of jmeter/basiccheck.jmx failed; the first: health: expected 200, and "503" came',
      );
    });

    it('runs several at once that do not disturb each other', async () => {
      await withPlan('a plan');
      const all = await Promise.all(Array.from({ length: 6 }, () => world.tested({ teststrategy: 'functional' })));
      expect(all.map(({ result, report }) => `${result} ${report?.requests}`)).to.deep.equal(Array(6).fill('pass 1'));
    });

    for (const [plan, message] of [
      ['crash', 'JMeter with jmeter/basiccheck.jmx ended with 1: Error in NonGUIDriver: out of heap'],
      ['silent', 'JMeter with jmeter/basiccheck.jmx made no request: it said nothing'],
    ] as const) {
      it(`says why, when it is ${plan}`, async () => {
        await withPlan(plan);
        expect(await world.tested({})).to.include({ result: 'fail', message });
      });
    }

    it('is not bothered with what is no plan', async () => {
      await withPlan('a plan');
      await world.add({ 'jmeter/basiccheck.jmx': 'k6' });
      expect((await world.tested({})).message).to.match(/^JMeter with jmeter\/basiccheck.jmx is no JMeter plan: /);
    });

    for (const how of ['takes too long', 'is aborted'] as const) {
      it(`kills it with all that it has started when it ${how}, and leaves no files`, async () => {
        const pids = join(world.folder, 'pids');
        let unwanted = false;
        const workload = `{teststrategy: healthcheck, properties: {PIDS: ${pids}}}`;
        await world.add({ 'jmeter/jmeter.conf.yaml': `workloads: [${workload}]` });
        const before = await readdir(tmpdir());
        await withPlan(
          'hang',
          { aborted: async () => unwanted },
          how === 'takes too long' ? { KEPTN_TEST_TIMEOUT_MINUTES: '0.04' } : {},
        );
        const event = deploymentOf({ deploymentURILocal: world.carts.url });
        await world.deployments.bus.publish(event);
        let both: number[] = [];
        while (both.length < 2) {
          await sleep(20);
          both = (await readFile(pids, 'utf8').catch(() => '')).split(' ').filter(Boolean).map(Number);
        }
        expect(both.map(alive)).to.deep.equal([true, true]);
        unwanted = how === 'is aborted';
        await until('the end', () =>
          world.deployments.said(event).some((line) => /took longer than|^aborted/.test(line)),
        );
        await until('their end', () => both.every((pid) => !alive(pid)));
        const left = (await readdir(tmpdir())).filter(
          (name) => name.startsWith('keptn-jmeter-') && !before.includes(name),
        );
        expect(left.filter((name) => !name.startsWith('keptn-jmeter-service-'))).to.deep.equal([]);
      });
    }

    it('is not there: the http runner takes its place, unless JMeter is asked for', async () => {
      await world.add({ 'jmeter/basiccheck.jmx': check });
      await world.start({ KEPTN_TEST_RUNNER: 'auto', JMETER: join(world.folder, 'nothing') });
      expect((await world.tested({})).report?.tool).to.equal('http');
      await world.add({ 'jmeter/jmeter.conf.yaml': 'runner: jmeter' });
      const { result, message } = await world.tested({});
      expect(result).to.equal('fail');
      expect(message).to.match(
        /^JMeter with jmeter\/basiccheck.jmx cannot be started \(spawn .*ENOENT\): is it installed\?$/,
      );
    });
  });
});
