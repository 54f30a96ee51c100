/** The wait-service: real users test for a while. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { until } from '../lib/bus/contract-parts.ts';
import { createMemoryBus } from '../lib/bus/memory/bus.ts';
import { eventTypes } from '../lib/events/event.ts';
import { waitService, waitSettings } from '../services/wait-service/handler.ts';
import { deploymentOf, log, startDeployments, type Deployments } from './launch/deployments.ts';

const realUsers = { teststrategy: 'real-user', labels: { build: '7' } };

describe('the wait-service', () => {
  let deployments: Deployments;
  beforeEach(async () => (deployments = await startDeployments()));
  afterEach(() => deployments.stop());

  it('says that the tests have ended when real users have had the deployment for WAIT_DURATION, without a result', async () => {
    await deployments.serve(waitService({ durationMs: 1_100 }));
    const event = deploymentOf(realUsers);
    const { data } = await deployments.tests(event);
    expect(Date.now() - Date.parse(event.time)).to.be.within(1_100, 4_000);
    expect(data).to.deep.include({ project: 'p1', stage: 'dev', service: 'carts', ...realUsers });
    expect(data).to.deep.include({ deploymentstrategy: 'direct', result: '' });
    expect(data.start).to.equal(event.time.replace(/\.\d+Z/, 'Z'));
    expect(Date.parse(data.end) - Date.parse(data.start)).to.be.within(1_000, 4_000);
  });

  it('leaves every other strategy to the jmeter-service', async () => {
    await deployments.serve(waitService({ durationMs: 10 }));
    for (const teststrategy of ['functional', 'performance', '', 'odd']) {
      await deployments.bus.publish(deploymentOf({ teststrategy }));
    }
    const { shkeptncontext } = await deployments.tests(deploymentOf(realUsers));
    await sleep(50);
    const answers = deployments.seen.filter(({ type }) => type === eventTypes.testsFinished);
    expect(answers.map((answer) => answer.shkeptncontext)).to.deep.equal([shkeptncontext]);
  });

  it('waits for hundreds of deployments at once', async () => {
    await deployments.serve(waitService({ durationMs: 1_000 }));
    const began = Date.now();
    await Promise.all(Array.from({ length: 300 }, () => deployments.tests(deploymentOf(realUsers))));
    expect(Date.now() - began).to.be.below(10_000);
  });

  it('waits no more when the delivery is aborted, and says nothing of tests', async () => {
    const unwanted = new Set<string>();
    const asked: string[] = [];
    const aborted = async (context: string): Promise<boolean> => {
      asked.push(context);
      return unwanted.has(context);
    };
    await deployments.serve(waitService({ durationMs: 60_000, aborted }));
    const [first, second] = [deploymentOf(realUsers), deploymentOf(realUsers)];
    // One is aborted before it is waited for, the other meanwhile.
    unwanted.add(first.shkeptncontext);
    await deployments.bus.publish(first);
    await deployments.bus.publish(second);
    await until('both', () => asked.length >= 2);
    unwanted.add(second.shkeptncontext);
    for (const event of [first, second]) {
      await until('the end', () => deployments.said(event).some((line) => line.startsWith('aborted')));
    }
    expect(deployments.seen.filter(({ type }) => type === eventTypes.testsFinished)).to.deep.equal([]);
  });

  it('goes on waiting while nobody can say whether the delivery is aborted', async () => {
    await deployments.serve(waitService({ durationMs: 300, aborted: () => Promise.reject(new Error('away')) }));
    expect((await deployments.tests(deploymentOf(realUsers))).data.result).to.equal('');
  });

  it('ends within seconds when its process ends, and the next one waits for the rest', async () => {
    const served = await deployments.serve(waitService({ durationMs: 8_000 }));
    const event = deploymentOf(realUsers);
    await deployments.bus.publish(event);
    await until('the wait', () => deployments.said(event).length > 0);
    const began = Date.now();
    await served.close();
    expect(Date.now() - began).to.be.below(7_000);
    const again = `wait-service will try ${eventTypes.deploymentFinished} again: the process ends`;
    await until('the reason', () => deployments.said(event).includes(again));
    await deployments.serve(waitService({ durationMs: 8_000 }));
    await deployments.tests(event);
    expect(Date.now() - Date.parse(event.time)).to.be.within(8_000, 11_000);
  });

  for (const [text, ms] of [
    ['30s', 30_000],
    ['10m', 600_000],
    ['2h', 7_200_000],
  ] as const) {
    it(`takes ${text} for a duration`, () => {
      expect(waitSettings.parse({ WAIT_DURATION: text })).to.deep.equal({ WAIT_DURATION: ms });
    });
  }

  it('waits ten minutes where no duration is set', () => {
    expect(waitSettings.parse({})).to.deep.equal({ WAIT_DURATION: 600_000 });
  });
});

describe('the process of the wait-service', () => {
  it('does not start with a duration that is none', async () => {
    for (const WAIT_DURATION of ['10', 'soon', '1d', '10 m', '1000h']) {
      const env = { ...process.env, LOG_LEVEL: 'info', WAIT_DURATION };
      const child = spawn(process.execPath, ['services/wait-service/main.ts'], { env });
      let said = '';
      child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
      expect(await once(child, 'close')).to.deep.equal([2, null]);
      expect(said).to.include('WAIT_DURATION: must be ');
    }
  });

  it('waits only for the rest after it was killed, and its event has the same id', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'keptn-wait-service-'));
    const event = deploymentOf(realUsers);
    const first = await createMemoryBus({ directory, log });
    await (
      await first.subscribe(
        { durable: 'wait-service', filters: [eventTypes.deploymentFinished], from: 'new', concurrency: 500 },
        async () => ({ kind: 'ack' }),
      )
    ).stop();
    await first.publish(event);
    await first.close();
    const root = new URL('../', import.meta.url).href;
    const code = `
      import { createMemoryBus } from '${root}lib/bus/memory/bus.ts';
      import { createLog } from '${root}lib/observe/log.ts';
      import { createEventMetrics } from '${root}lib/observe/event-metrics.ts';
      import { serve } from '${root}lib/service/serve.ts';
      import { waitService } from '${root}services/wait-service/handler.ts';
      const log = createLog('child', 'silent');
      const bus = await createMemoryBus({ directory: ${JSON.stringify(directory)}, log });
      await serve(waitService({ durationMs: 4_000 }), { bus, log, metrics: createEventMetrics() });
      setInterval(() => {}, 1_000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'inherit' });
    await sleep(2_000);
    child.kill('SIGKILL');
    await once(child, 'close');
    const deployments = await startDeployments(directory);
    try {
      await deployments.serve(waitService({ durationMs: 4_000 }));
      const { id } = await deployments.tests(event);
      expect(Date.now() - Date.parse(event.time)).to.be.within(4_000, 5_900);
      expect(deployments.said(event).filter((line) => line.startsWith('waits'))).to.have.length(2);
      const other = await startDeployments();
      await other.serve(waitService({ durationMs: 4_000 }));
      expect((await other.tests(event)).id).to.equal(id);
      await other.stop();
    } finally {
      await deployments.stop();
      await rm(directory, { recursive: true, force: true });
    }
  });
});
