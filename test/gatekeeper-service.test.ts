/** The gate behind each stage: what becomes of an artifact after its evaluation, and what people can do about it. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { eventTypes } from '../lib/events/event.ts';
import { gatekeeperService } from '../services/gatekeeper-service/handler.ts';
import { startInProcess, type InProcess } from './launch/in-process.ts';

const { configurationChange, deploymentFinished, evaluationDone, deliveryFinished } = eventTypes;
const { approvalTriggered, approvalFinished, deliveryAbort, deliveryPause, deliveryResume } = eventTypes;

const shipyard = `stages:
  - { name: dev, deployment_strategy: direct, test_strategy: functional }
  - { name: staging, deployment_strategy: blue_green_service, test_strategy: performance }
  - { name: prod, deployment_strategy: blue_green_service, approval_strategy: manual }
`;
const values = { 'helm/carts/values.yaml': 'image: registry:5000/carts:1.0\n' };

describe('the gatekeeper-service', () => {
  let world: InProcess;
  before(async () => (world = await startInProcess((given) => [gatekeeperService(given)])));
  after(() => world.close());

  const place = (project: string, stage: string) => ({ project, stage, service: 'carts' });
  const evaluation = (project: string, stage: string, further: object = {}) => ({
    ...{ ...place(project, stage), result: 'pass', teststrategy: 'performance' },
    ...{ deploymentstrategy: 'blue_green_service', labels: { build: '7' }, ...further },
  });
  /** As helm-service tells it. */
  const deployed = async (
    project: string,
    stage: string,
    context: string,
    image = 'registry:5000/carts',
    tag = '1.0',
  ) => {
    const change = { ...place(project, stage), valuesCanary: { image: `${image}:${tag}` }, canary: { action: 'set' } };
    await world.send(configurationChange, change, { shkeptncontext: context });
    const data = {
      ...place(project, stage),
      image,
      tag,
      teststrategy: 'performance',
      deploymentstrategy: 'blue_green_service',
    };
    await world.send(deploymentFinished, data, { shkeptncontext: context });
    await world.history.wait({ keptnContext: context, type: deploymentFinished });
  };
  /** Nothing else is sent, as far as a moment can tell. */
  const sent = async (context: string, type = configurationChange): Promise<unknown[]> => {
    await sleep(200);
    return world.events(context, type).map(({ data }) => data);
  };

  it('promotes what has passed here, then into the next stage, with its labels', async () => {
    const project = await world.project(shipyard, values);
    const context = await world.send(evaluationDone, evaluation(project, 'dev', { deploymentstrategy: 'direct' }));
    await world.event(context, configurationChange, 2);
    const labels = { build: '7' };
    expect(await sent(context)).to.deep.equal([
      { ...place(project, 'dev'), labels, canary: { action: 'promote' } },
      {
        ...{ ...place(project, 'staging'), labels },
        ...{ valuesCanary: { image: 'registry:5000/carts:1.0' }, canary: { action: 'set', value: 100 } },
      },
    ]);
  });

  it('goes no further than it was asked to', async () => {
    const project = await world.project(shipyard, values);
    const context = randomUUID();
    const change = { ...place(project, 'dev'), valuesCanary: { image: 'carts:1' }, until: 'staging' };
    await world.send(configurationChange, change, { shkeptncontext: context });
    await world.history.wait({ keptnContext: context, type: configurationChange });
    await world.send(evaluationDone, evaluation(project, 'dev'), { shkeptncontext: context });
    expect((await world.event(context, configurationChange, 3)).data).to.include({
      stage: 'staging',
      until: 'staging',
    });
    await world.send(evaluationDone, evaluation(project, 'staging'), { shkeptncontext: context });
    await world.event(context, configurationChange, 4);
    expect((await sent(context)).slice(3)).to.deep.equal([
      { ...place(project, 'staging'), labels: { build: '7' }, canary: { action: 'promote' } },
    ]);
  });

  it('takes a warning for a pass', async () => {
    const project = await world.project(shipyard, values);
    const context = await world.send(evaluationDone, evaluation(project, 'dev', { result: 'warning' }));
    await world.event(context, configurationChange, 2);
  });

  it('promotes the version that was tested, though a newer one is in Git by then', async () => {
    const project = await world.project(shipyard, values);
    const commit = await world.write(place(project, 'dev'), 'helm/carts/values.yaml', 'image: carts:tested\n');
    await world.write(place(project, 'dev'), 'helm/carts/values.yaml', 'image: carts:newer\n');
    const extensions = { gitcommitid: commit };
    const context = await world.send(evaluationDone, evaluation(project, 'dev'), { extensions });
    const next = await world.event(context, configurationChange, 2);
    expect(next.data).to.deep.include({ valuesCanary: { image: 'carts:tested' } });
    // The commit of one stage says nothing in another.
    expect(next.extensions?.['gitcommitid']).to.equal(undefined);
    expect((await world.event(context, configurationChange)).extensions).to.deep.equal(extensions);
  });

  it('finds the version by its deployment, where a service of 0.6.2 has lost the commit', async () => {
    const project = await world.project(shipyard, values);
    const context = randomUUID();
    await deployed(project, 'dev', context, 'carts', 'deployed');
    await world.send(evaluationDone, evaluation(project, 'dev'), { shkeptncontext: context });
    const next = await world.event(context, configurationChange, 3);
    expect(next.data).to.deep.include({ valuesCanary: { image: 'carts:deployed' } });
  });

  it('discards what has failed blue/green, and goes no further', async () => {
    const project = await world.project(shipyard, values);
    const context = await world.send(evaluationDone, evaluation(project, 'staging', { result: 'fail' }));
    await world.event(context, configurationChange);
    expect(await sent(context)).to.deep.equal([
      { ...place(project, 'staging'), labels: { build: '7' }, canary: { action: 'discard' } },
    ]);
  });

  for (const result of ['fail', 'failed', '']) {
    it(`ends a direct deployment whose evaluation says "${result}"`, async () => {
      const project = await world.project(shipyard, values);
      const data = evaluation(project, 'dev', { result, deploymentstrategy: 'direct' });
      const context = await world.send(evaluationDone, data);
      const end = await world.event(context, deliveryFinished);
      expect(end.data).to.deep.include({ stage: 'dev', result: 'fail', reason: 'EvaluationFailed' });
      expect(await sent(context)).to.deep.equal([]);
    });
  }

  for (const result of ['pass', 'fail']) {
    it(`changes nothing in front of real users after "${result}", and says that it is over`, async () => {
      const project = await world.project(shipyard, values);
      const context = await world.send(
        evaluationDone,
        evaluation(project, 'staging', { result, teststrategy: 'real-user' }),
      );
      expect((await world.event(context, deliveryFinished)).data).to.deep.include({ stage: 'staging', result });
      expect(await sent(context)).to.deep.equal([]);
    });
  }

  it('promotes nothing after an evaluation that was asked for by hand', async () => {
    const project = await world.project(shipyard, values);
    const data = evaluation(project, 'dev', { teststrategy: 'manual', deploymentstrategy: '' });
    const context = await world.send(evaluationDone, data);
    expect(await sent(context)).to.deep.equal([]);
    expect(world.lines(context).join()).to.include('asked for by hand');
  });

  it('goes no further behind the last stage, nor from one that is no longer in the shipyard', async () => {
    const project = await world.project(shipyard, values);
    for (const stage of ['prod', 'gone']) {
      const context = await world.send(evaluationDone, evaluation(project, stage));
      await world.event(context, configurationChange);
      expect(await sent(context)).to.have.length(1);
    }
  });

  it('does its work once for an event that comes twice', async () => {
    const project = await world.project(shipyard, values);
    const id = randomUUID();
    const context = await world.send(evaluationDone, evaluation(project, 'dev'), { id });
    await world.event(context, configurationChange, 2);
    await world.send(evaluationDone, evaluation(project, 'dev'), { id, shkeptncontext: context });
    expect(await sent(context)).to.have.length(2);
  });

  describe('before a stage with manual approval', () => {
    async function asked(project: string, tag = '1.0'): Promise<string> {
      const context = randomUUID();
      await deployed(project, 'staging', context, 'carts', tag);
      await world.send(evaluationDone, evaluation(project, 'staging'), { shkeptncontext: context });
      await world.event(context, approvalTriggered);
      return context;
    }
    const answer = (project: string, context: string, approval: object) =>
      world.send(approvalFinished, { ...place(project, 'prod'), approval }, { shkeptncontext: context });

    it('asks, and enters with that artifact when a person says so', async () => {
      const project = await world.project(shipyard, values);
      const context = await asked(project);
      const question = await world.event(context, approvalTriggered);
      expect(question.data).to.deep.include({ stage: 'prod', image: 'carts', tag: '1.0' });
      expect(await sent(context)).to.have.length(2);
      await answer(project, context, { triggeredID: question.id, result: 'pass', status: 'succeeded' });
      const entered = await world.event(context, configurationChange, 3);
      expect(entered.data).to.deep.include({ stage: 'prod', valuesCanary: { image: 'carts:1.0' } });
    });

    it('ends the delivery when a person declines, with what he says', async () => {
      const project = await world.project(shipyard, values);
      const context = await asked(project);
      await answer(project, context, { result: 'failed', message: 'not on a Friday' });
      const end = await world.event(context, deliveryFinished);
      expect(end.data).to.deep.include({ stage: 'prod', result: 'fail', message: 'declined: not on a Friday' });
    });

    it('does not let an older artifact in behind a newer one that waits', async () => {
      const project = await world.project(shipyard, values);
      const older = await asked(project, '1.0');
      const newer = await asked(project, '2.0');
      await answer(project, older, { result: 'pass' });
      const end = await world.event(older, deliveryFinished);
      expect(end.data).to.deep.include({ result: 'superseded', message: 'superseded by carts:2.0' });
      await answer(project, newer, { result: 'pass' });
      expect((await world.event(newer, configurationChange, 3)).data).to.deep.include({
        valuesCanary: { image: 'carts:2.0' },
      });
    });

    it('takes no answer twice', async () => {
      const project = await world.project(shipyard, values);
      const context = await asked(project);
      await answer(project, context, { result: 'pass' });
      await world.event(context, configurationChange, 3);
      await world.history.wait({ keptnContext: context, type: configurationChange, stage: 'prod' });
      await answer(project, context, { result: 'pass' });
      expect(await sent(context)).to.have.length(3);
      expect(world.lines(context).join()).to.include('does not wait for approval');
    });
  });

  it('holds a paused delivery, and goes on when it is resumed', async () => {
    const project = await world.project(shipyard, values);
    const context = randomUUID();
    await deployed(project, 'dev', context);
    const control = { project, service: 'carts' };
    await world.send(deliveryPause, control, { shkeptncontext: context });
    await world.history.wait({ keptnContext: context, type: deliveryPause });
    await world.send(evaluationDone, evaluation(project, 'dev'), { shkeptncontext: context });
    expect(await sent(context)).to.have.length(1);
    await world.history.wait({ keptnContext: context, type: evaluationDone });
    await world.send(deliveryResume, control, { shkeptncontext: context });
    await world.event(context, configurationChange, 3);
    // Resumed again, nothing is left to do.
    await world.history.wait({ keptnContext: context, type: configurationChange, stage: 'staging' });
    await world.send(deliveryResume, control, { shkeptncontext: context });
    expect(await sent(context)).to.have.length(3);
  });

  it('discards what is aborted, and promotes nothing after that', async () => {
    const project = await world.project(shipyard, values);
    const context = randomUUID();
    await deployed(project, 'staging', context);
    await world.send(deliveryAbort, { project, service: 'carts' }, { shkeptncontext: context });
    const end = await world.event(context, deliveryFinished);
    expect(end.data).to.deep.include({ stage: 'staging', result: 'aborted' });
    await world.history.wait({ keptnContext: context, type: deliveryFinished });
    await world.send(evaluationDone, evaluation(project, 'staging'), { shkeptncontext: context });
    const changes = await sent(context);
    expect(changes).to.have.length(2);
    expect(changes[1]).to.deep.include({ canary: { action: 'discard' } });
  });

  it('says that a delivery without an image cannot be promoted', async () => {
    const project = await world.project(shipyard);
    const context = await world.send(evaluationDone, evaluation(project, 'dev'));
    await sent(context);
    expect(world.lines(context).join()).to.include('no image to promote, helm/carts/values.yaml has none');
  });
});
