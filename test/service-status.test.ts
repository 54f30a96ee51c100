/** What `kubectl get services.keptn.sh` says of deliveries, and what annotations of a Service do to them. */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { z } from 'zod';
import { connectNatsBus } from '../lib/bus/nats/bus.ts';
import type { EventBus } from '../lib/bus/port.ts';
import { eventTypes, textIn, type KeptnEvent } from '../lib/events/event.ts';
import { createLog } from '../lib/observe/log.ts';
import { until } from './launch/standalone.ts';
import { custom, startWorld, type World } from './launch/world.ts';

const stages = ['dev', 'staging', 'prod'];
const statusSchema = z.object({
  stages: z
    .array(z.looseObject({ name: z.string(), phase: z.string(), message: z.string(), keptnContext: z.string() }))
    .default([]),
  delivery: z.looseObject({ stage: z.string(), phase: z.string(), keptnContext: z.string() }).optional(),
  conditions: z.array(
    z.looseObject({
      type: z.string(),
      status: z.string(),
      reason: z.string(),
      message: z.string(),
      observedGeneration: z.int().optional(),
    }),
  ),
});

describe('the status of a Service', () => {
  let world: World;
  let bus: EventBus;
  before(async () => {
    world = await startWorld({ env: { KEPTN_PHASE_TIMEOUTS: 'Testing=8s' } });
    bus = await connectNatsBus({ servers: [world.nats.url], log: createLog('test', 'silent') });
  });
  after(async () => {
    await bus.close();
    await world.stop();
  });

  let count = 0;
  /** A project with one service, and what to say about its deliveries. */
  async function declared(spec: object = {}) {
    const project = `p${(count += 1)}`;
    const shipyard = { stages: stages.map((name) => ({ name, deployment_strategy: 'direct' })) };
    await world.apply([
      custom('Project', project, { shipyard }),
      custom('Service', project, { project, name: 'carts', ...spec }),
    ]);
    await world.kubectl('wait', '--for=condition=Ready', `services.keptn.sh/${project}`, '--timeout=30s');
    const status = async () =>
      statusSchema.parse(
        JSON.parse(await world.kubectl('get', 'services.keptn.sh', project, '-o', 'jsonpath={.status}')),
      );
    return {
      project,
      status,
      delivered: async () => (await status()).conditions.find(({ type }) => type === 'Delivered'),
      phases: async () => (await status()).stages.map(({ name, phase }) => `${name} ${phase}`).join(', '),
      send: async (
        context: string,
        type: string,
        stage: string,
        data: object = {},
        extensions = {},
      ): Promise<KeptnEvent> => {
        const event = {
          ...{
            id: randomUUID(),
            type,
            source: 'test',
            time: new Date().toISOString(),
            shkeptncontext: context,
            extensions,
          },
          data: { project, stage, service: 'carts', ...data },
        };
        await bus.publish(event);
        return event;
      },
      annotate: (text: string) => world.kubectl('annotate', '--overwrite', 'services.keptn.sh', project, text),
      sent: async (type: string): Promise<KeptnEvent[]> =>
        (await world.events()).filter((event) => event.type === type && textIn(event.data, 'project') === project),
    };
  }
  const image = (tag: string) => ({ valuesCanary: { image: `carts:${tag}` }, canary: { action: 'set', value: 100 } });

  it('follows a delivery from stage to stage, and is Delivered at the end of the last', async () => {
    const { send, status, phases, delivered } = await declared();
    const context = randomUUID();
    for (const stage of stages) {
      await send(context, eventTypes.configurationChange, stage, image('1'));
      await until(`deploying in ${stage}`, async () => (await phases()).endsWith(`${stage} Deploying`));
      const deployed = { image: 'carts', tag: '1', deploymentstrategy: 'direct' };
      await send(context, eventTypes.deploymentFinished, stage, deployed, { gitcommitid: 'a'.repeat(40) });
      await until(`testing in ${stage}`, async () => (await phases()).endsWith(`${stage} Testing`));
      await send(context, eventTypes.testsFinished, stage, { result: 'pass' });
      await until(`evaluating in ${stage}`, async () => (await phases()).endsWith(`${stage} Evaluating`));
      expect(await delivered()).to.deep.include({ status: 'False', reason: 'Evaluating' });
      const value = { metric: 'rt', value: 1, success: true };
      const evaluationdetails = {
        score: 87.5,
        result: 'pass',
        indicatorResults: [{ status: 'pass', score: 1, value }],
      };
      await send(context, eventTypes.evaluationDone, stage, { result: 'pass', evaluationdetails });
      await until(`promoting in ${stage}`, async () => (await phases()).endsWith(`${stage} Promoting`));
      await send(context, eventTypes.deliveryFinished, stage, { result: 'pass' });
      await until(`ready in ${stage}`, async () => (await phases()).endsWith(`${stage} Ready`));
    }
    expect((await status()).delivery).to.deep.include({ stage: 'prod', phase: 'Ready', image: 'carts:1', score: 87.5 });
    expect((await status()).stages[0]).to.deep.include({ commit: 'a'.repeat(40), keptnContext: context });
    expect(await delivered()).to.deep.include({ status: 'True', message: 'carts:1 is in prod' });
  });

  /** How often the status of a Service was written so far. */
  const writes = async (): Promise<number> =>
    (await world.kubectl('get', '--raw', '/metrics'))
      .split('\n')
      .filter((line) =>
        /^apiserver_request_total\{.*resource="services",.*subresource="status".*verb="PATCH"/.test(line),
      )
      .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);

  /** All that happens in the stages, at once. */
  async function hurry(send: Awaited<ReturnType<typeof declared>>['send']): Promise<void> {
    const context = randomUUID();
    for (const stage of stages) {
      await send(context, eventTypes.configurationChange, stage, image('1'));
      await send(context, eventTypes.deploymentFinished, stage, { image: 'carts', tag: '1' });
      await send(context, eventTypes.testsFinished, stage, { result: 'pass' });
      await send(context, eventTypes.evaluationDone, stage, { result: 'pass' });
      await send(context, eventTypes.deliveryFinished, stage, { result: 'pass' });
    }
  }

  it('has the many events of a delivery in a hurry with a few writes', async () => {
    const { send, phases } = await declared();
    const before = await writes();
    await hurry(send);
    await until('it is in prod', async () => (await phases()) === 'dev Ready, staging Ready, prod Ready');
    expect((await writes()) - before).to.be.within(1, 9);
  });

  it('has them all after the operator was killed before it wrote any', async () => {
    const { send, phases } = await declared();
    await hurry(send);
    await world.operator.end('SIGKILL');
    await world.operator.start();
    await until('it is in prod', async () => (await phases()) === 'dev Ready, staging Ready, prod Ready', 60);
  });

  it('says why a delivery goes no further, and what is in the other stages', async () => {
    const { send, phases, delivered } = await declared();
    const [old, now] = [randomUUID(), randomUUID()];
    await send(old, eventTypes.configurationChange, 'prod', image('1'));
    await send(old, eventTypes.deliveryFinished, 'prod', { result: 'pass' });
    await send(now, eventTypes.configurationChange, 'dev', image('2'));
    const evaluationdetails = { score: 0, result: 'fail', message: 'rt is 812 (wanted <=600)', indicatorResults: [] };
    await send(now, eventTypes.evaluationDone, 'dev', { result: 'fail', evaluationdetails });
    await send(now, eventTypes.deliveryFinished, 'dev', { result: 'fail', message: 'the version before is back' });
    await until('it has failed', async () => (await phases()) === 'dev Failed, prod Ready');
    const message = 'carts:2 ended in dev: the evaluation failed: rt is 812 (wanted <=600); the version before is back';
    await until(
      'it says so',
      async () =>
        (await delivered())?.message === message ||
        (await delivered())?.message.startsWith('carts:2 ended in dev: the version') === true,
    );
    expect(await delivered()).to.deep.include({ status: 'False', reason: 'Failed' });
  });

  it('says of what was to go no further than a stage that it is there', async () => {
    const { send, phases, delivered } = await declared();
    const context = randomUUID();
    await send(context, eventTypes.configurationChange, 'staging', { ...image('1'), until: 'staging' });
    await send(context, eventTypes.deliveryFinished, 'staging', { result: 'pass' });
    await until('it is there', async () => (await phases()) === 'staging Ready');
    const message = 'carts:1 is in staging, and was to go no further';
    expect(await delivered()).to.deep.include({ status: 'False', reason: 'NotFurther', message });
  });

  it('shows the delivery that waits for a stage, and then has it there', async () => {
    const { send, status, phases } = await declared();
    const [first, second] = [randomUUID(), randomUUID()];
    await send(first, eventTypes.configurationChange, 'dev', image('1'));
    await until('the first is there', async () => (await phases()) === 'dev Deploying');
    await send(second, eventTypes.configurationChange, 'dev', image('2'));
    await until('the second waits', async () => (await status()).stages[0]?.['next'] !== undefined);
    expect((await status()).stages[0]).to.deep.include({ keptnContext: first });
    await send(first, eventTypes.deliveryFinished, 'dev', { result: 'fail', message: 'no' });
    await until('the second is there', async () => (await status()).stages[0]?.keptnContext === second);
    expect(await phases()).to.equal('dev Deploying');
  });

  it('is not Delivered for an artifact that is not the declared one', async () => {
    const { project, send, delivered } = await declared({ artifact: { image: 'carts:1' } });
    const context = randomUUID();
    await send(context, eventTypes.configurationChange, 'prod', image('0'));
    await send(context, eventTypes.deliveryFinished, 'prod', { result: 'pass' });
    await until('it is there', async () => (await delivered())?.status === 'True');
    const wait = ['wait', '--for=condition=Delivered', `services.keptn.sh/${project}`, '--timeout=1s'];
    expect(await world.kubectl(...wait).catch(String)).to.include('timed out');
    const declaredOne = randomUUID();
    await send(declaredOne, eventTypes.configurationChange, 'prod', image('1'));
    await send(declaredOne, eventTypes.deliveryFinished, 'prod', { result: 'pass' });
    await world.kubectl(...wait.slice(0, 3), '--timeout=10s');
  });

  it('answers a question by annotation, for the delivery that it names alone', async () => {
    const { send, phases, annotate, sent } = await declared();
    const context = randomUUID();
    const asked = await send(context, eventTypes.approvalTriggered, 'prod', { image: 'carts', tag: '1' });
    await until('it waits', async () => (await phases()) === 'prod Approving');
    await annotate(`keptn.sh/approve=${randomUUID()}`);
    await annotate(`keptn.sh/approve=${context}`);
    await until('it is answered', async () => (await sent(eventTypes.approvalFinished)).length > 0);
    const [answer, ...others] = await sent(eventTypes.approvalFinished);
    expect(others).to.deep.equal([]);
    expect(answer).to.deep.include({ shkeptncontext: context });
    expect(answer?.data).to.have.nested.property('approval.triggeredID', asked.id);
    expect(answer?.data).to.have.nested.property('approval.result', 'pass');
  });

  it('pauses, resumes, pauses again and aborts by annotation', async () => {
    const { send, status, annotate, sent, phases } = await declared();
    const context = randomUUID();
    await send(context, eventTypes.configurationChange, 'dev', image('1'));
    await until('it is on its way', async () => (await phases()) === 'dev Deploying');
    for (const times of [1, 2]) {
      await annotate(`keptn.sh/pause=${context}`);
      await until('it is paused', async () => (await status()).stages[0]?.['paused'] === true);
      expect(await sent(eventTypes.deliveryPause)).to.have.length(times);
      await annotate('keptn.sh/pause-');
      await until('it goes on', async () => (await status()).stages[0]?.['paused'] === undefined);
      expect(await sent(eventTypes.deliveryResume)).to.have.length(times);
    }
    await annotate(`keptn.sh/abort=${context}`);
    await until('it is aborted', async () => (await sent(eventTypes.deliveryAbort)).length === 1);
    expect((await sent(eventTypes.deliveryAbort))[0]).to.deep.include({ shkeptncontext: context });
  });

  it('has what takes too long aborted, once, with the reason', async () => {
    const { send, phases, sent } = await declared();
    const context = randomUUID();
    await send(context, eventTypes.configurationChange, 'dev', image('1'));
    await send(context, eventTypes.deploymentFinished, 'dev', { image: 'carts', tag: '1' });
    await until('it is tested', async () => (await phases()) === 'dev Testing');
    await until('it is aborted', async () => (await sent(eventTypes.deliveryAbort)).length > 0, 30);
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    const aborts = await sent(eventTypes.deliveryAbort);
    expect(aborts).to.have.length(1);
    expect(aborts[0]?.data).to.deep.include({ reason: 'TestingTimeout' });
    expect(textIn(aborts[0]?.data, 'message')).to.include('Testing in dev has not ended within');
  });

  it('brings the version before back where a direct deployment fails and the Service says so', async () => {
    const { send, sent } = await declared({ rollback: 'OnFailure' });
    const context = randomUUID();
    await send(context, eventTypes.configurationChange, 'dev', image('1'));
    await send(context, eventTypes.evaluationDone, 'dev', { result: 'fail', deploymentstrategy: 'direct' });
    await until('it is rolled back', async () => (await sent(eventTypes.configurationChange)).length === 2);
    const [, change] = await sent(eventTypes.configurationChange);
    expect(change?.data).to.deep.include({ stage: 'dev', canary: { action: 'discard' } });
    expect(change?.shkeptncontext).to.equal(context);
  });
});
