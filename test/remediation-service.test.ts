/** The remediation-service: what becomes of a problem, with the helm-service that does it, in Git. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { until } from '../lib/bus/contract-parts.ts';
import { eventTypes } from '../lib/events/event.ts';
import { actionFinished } from '../lib/events/remediation.ts';
import { DEPLOYMENT, ROUTES, startRemediation, VALUES, type Remedied } from './launch/remediation.ts';

const hour = 3_600_000;
const over = { State: 'RESOLVED' };

describe('the remediation-service', () => {
  let world: Remedied;
  let project: string;
  // Nothing here waits for an evaluation.
  before(async () => (world = await startRemediation({ REMEDIATION_WAIT: hour, REMEDIATION_ANSWER_TIMEOUT: hour })));
  beforeEach(async () => (project = await world.shop()));
  after(() => world.close());

  const problem = (title: string, more?: object, context?: string) => world.problem(project, title, more, context);
  const file = (path: string): Promise<string> => world.file(project, path);
  /** How the first action, or the nth, of a context came off. */
  const done = async (context: string, nth = 1) =>
    actionFinished.parse((await world.event(context, eventTypes.actionFinished, nth)).data).action;
  const reads = async (path: string, words: string): Promise<void> => {
    for (const end = Date.now() + 15_000; !(await file(path)).includes(words); await sleep(50)) {
      if (Date.now() > end) expect(await file(path)).to.include(words);
    }
  };
  const closed = (context: string) => world.event(context, eventTypes.remediationClosed);
  const says = async (context: string, words: string): Promise<void> => {
    await until(words, () => world.lines(context).some((line) => line.includes(words)));
    expect(world.told(context)).to.deep.equal(['problem.open']);
  };

  it('scales what is slow, and back when the problem is over, with its history in Git', async () => {
    const before = await file(DEPLOYMENT);
    const context = await problem('Slow answers');
    expect(await done(context)).to.deep.equal({ result: 'pass', status: 'succeeded', message: '' });
    expect(await file(DEPLOYMENT)).to.include('replicas: 3 # as many as it takes');
    await problem('Slow answers', over, context);
    await closed(context);
    expect(await file(DEPLOYMENT)).to.equal(before);
    expect(world.told(context)).to.deep.equal([
      ...['problem.open', 'action.triggered', 'configuration.change', 'action.finished', 'problem.open'],
      ...['action.undo', 'configuration.change', 'action.finished', 'remediation.finished', 'remediation.closed'],
    ]);
  });

  it('takes back what was told in another keptn context', async () => {
    const context = await problem('Slow answers');
    await done(context);
    await problem('Slow answers', over);
    await closed(context);
    await sleep(300);
    expect(await file(DEPLOYMENT)).to.include('replicas: 1');
    expect(world.events(context, eventTypes.actionTriggered)).to.have.length(1);
  });

  it('acts once on each of many problems, of which a thousand reports come at once', async () => {
    const ids = Array.from({ length: 50 }, (_, nth) => `many-${nth}`);
    const reports = Array.from({ length: 1_000 }, (_, nth) => ids[nth % 50] ?? '');
    const contexts = await Promise.all(reports.map((PID) => problem('Failures', { PID })));
    const actions = () => contexts.flatMap((context) => world.events(context, eventTypes.actionFinished));
    await until('all are switched', () => actions().length >= 50, 30_000);
    // Events are handled in the order of their contexts alone: one that comes last is told behind them all.
    await done(await problem('Failures', { PID: 'last' }));
    expect(actions()).to.have.length(50);
    for (const PID of ids) await problem('Failures', { PID, ...over });
    const ends = () => contexts.flatMap((context) => world.events(context, eventTypes.remediationClosed));
    await until('all are over', () => ends().length >= 50, 30_000);
  }).timeout(70_000);

  it('keeps what is done for two problems at once, and takes back each alone', async () => {
    const pids = ['a', 'b', 'c'];
    const contexts = await Promise.all(pids.map((PID) => problem('Slow', { PID })));
    await reads(DEPLOYMENT, 'replicas: 7');
    await problem('Slow', { PID: 'b', ...over }, contexts[1]);
    await closed(contexts[1] ?? '');
    expect(await file(DEPLOYMENT)).to.include('replicas: 5');
    expect((await file(DEPLOYMENT)).match(/keptn.sh\/problem-/g)).to.have.length(2);
  });

  it('acts again on a problem that is back within a minute', async () => {
    for (const round of [1, 2]) {
      const context = await problem('Slow answers');
      expect((await done(context)).result, String(round)).to.equal('pass');
      expect(await file(DEPLOYMENT)).to.include('replicas: 3');
      await problem('Slow answers', over, context);
      await closed(context);
      expect(await file(DEPLOYMENT)).to.include('replicas: 1');
    }
  });

  it('acts again on one that is back in its keptn context before all was taken back', async () => {
    const context = await problem('Slow answers');
    await done(context);
    await problem('Slow answers', over, context);
    await world.event(context, eventTypes.actionUndo);
    await problem('Slow answers', {}, context);
    await done(context, 3);
    expect(await file(DEPLOYMENT)).to.include('replicas: 3');
    await problem('Slow answers', over, context);
    await world.event(context, eventTypes.remediationClosed, 2);
    expect(await file(DEPLOYMENT)).to.include('replicas: 1');
  });

  it('scales what is deployed directly by replicaCount of its values', async () => {
    const edge = { stage: 'edge' };
    const before = await file(VALUES);
    const context = await problem('Slow answers', edge);
    expect((await done(context)).result).to.equal('pass');
    expect(await file(VALUES))
      .to.include('replicaCount: 3 # one will do')
      .and.include('problem-');
    await problem('Slow answers', { ...edge, ...over }, context);
    await closed(context);
    expect(await file(VALUES)).to.equal(before);
  });

  it('says why it cannot scale, and that somebody has to look', async () => {
    await world.write({ project, stage: 'edge', service: 'carts' }, 'helm/carts/values.yaml', 'image: carts:1\n');
    const context = await problem('Slow answers', { stage: 'edge' });
    expect((await done(context)).message).to.include('no whole number replicaCount');
    const { data } = await world.event(context, eventTypes.remediationEscalated);
    expect(data).to.deep.include({ stage: 'edge', actions: ['scaling'] });
    expect(JSON.stringify(data)).to.include('no whole number replicaCount').and.include('somebody has to look');
  });

  it('slows down or turns away who causes it, and lets them in again', async () => {
    const flood = { ProblemDetails: { ClientIP: '10.1.2.3' } };
    const context = await problem('Flood', flood);
    await done(context);
    expect(await file(ROUTES))
      .to.include('fixedDelay: 5s')
      .and.include('10.1.2.3');
    await done(await problem('Attack', { ...flood, PID: '8' }));
    expect(await file(ROUTES))
      .to.include('httpStatus: 403')
      .and.include('fixedDelay: 5s');
    await problem('Flood', { ...flood, ...over }, context);
    await closed(context);
    expect(await file(ROUTES))
      .to.include('httpStatus: 403')
      .and.not.include('fixedDelay');
    expect((await done(await problem('Flood', { PID: '9' }))).message).to.include('who causes it');
  });

  it('switches a feature off by Unleash, and on again', async () => {
    const context = await problem('Failures');
    expect((await done(context)).message).to.equal('feature Promotion is off');
    await problem('Failures', over, context);
    await closed(context);
    const user = `Basic ${Buffer.from('keptn:secret').toString('base64')}`;
    const switched = ['off', 'on'].map((to) => `POST /admin/features/Promotion/toggle/${to} ${user}`);
    expect(world.toggled.slice(-2)).to.deep.equal(switched);
  });

  it('finds its place in the tags', async () => {
    const Tags = `keptn_service:carts, keptn_stage:prod, keptn_project:${project}`;
    const context = await problem('Slow', { project: '', stage: '', service: '', Tags });
    await done(context);
    expect(await file(DEPLOYMENT)).to.include('replicas: 3');
  });

  it('says why it does nothing', async () => {
    await says(await problem('Unheard of'), 'no entry of remediation.yaml');
    await says(await problem('Slow', { stage: 'dev' }), 'no remediation_strategy: automated');
    await says(await problem('Slow', { service: 'ghost' }), 'ghost in prod has no remediation.yaml');
    await says(await problem('Slow', { stage: 'moon' }), 'stage moon is not in the shipyard');
    await says(await problem('Slow', { project: '../etc' }), 'does not say where it is: project');
    await says(await problem('Slow', { project: 'ghost' }), 'there is no shipyard.yaml in project ghost');
    await says(await problem('Slow again', { State: 'CLOSED', PID: '8' }), 'nothing that was done for it is in effect');
  });

  it('names what is wrong in remediation.yaml', async () => {
    const wrong: [string, string][] = [
      ['remediations: [', 'is no YAML'],
      ['remediations: [{ name: Slow, actions: [{ action: 7 }] }]', 'remediations.0.actions.0.action'],
      ['remediations: [{ name: Slow, actions: [{ action: scaling, value: many }] }]', 'actions.0.value'],
      ['remediations: [{ name: Slow, actions: [{ action: abort, wait: long }] }]', 'actions.0.wait: must be a whole'],
      [
        'apiVersion: spec.keptn.sh/0.1.4\nspec: { remediations: [{ problemType: Slow }] }',
        '0.actionsOnOpen: is missing',
      ],
    ];
    for (const [content, words] of wrong) {
      await world.write({ project, stage: 'prod', service: 'carts' }, 'remediation.yaml', content);
      await says(await problem('Slow'), words);
    }
  });
});
