/** What follows an action: an evaluation, another action, a person; and what a service of one's own does about a problem. */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { until } from '../lib/bus/contract-parts.ts';
import { remediationOf } from '../lib/delivery/remediation.ts';
import { eventTypes, textIn, type KeptnEvent } from '../lib/events/event.ts';
import { actionFinished, actionTriggered, remediationFinished } from '../lib/events/remediation.ts';
import { testsFinished } from '../lib/events/workflow.ts';
import { eventsOf } from '../services/eventbroker/handler.ts';
import { noMappings } from '../services/eventbroker/mapping.ts';
import { nextOf } from '../services/remediation-service/next.ts';
import { DEPLOYMENT, startRemediation, type Remedied } from './launch/remediation.ts';

const { actionUndo, configurationChange, remediationClosed, remediationEscalated } = eventTypes;
const over = { State: 'RESOLVED' };
const plan = `remediations:
  - name: Slow
    actions:
      - { action: scaling, value: "+1", wait: 1s }
      - { action: featuretoggle, value: "Promotion:off", wait: 0s }
      - { action: scaling, value: "+2", wait: 0s }
  - name: Stuck
    actions:
      - { name: Kick it, action: restart-pods, description: one after another, value: { grace: 5 }, wait: 0s }
      - { action: scaling, value: "+1" }
  - name: Waits
    actions: [{ action: scaling, value: "+1" }]
`;
/** As Keptn 0.7 has it. */
const later = `apiVersion: spec.keptn.sh/0.1.4
kind: Remediation
metadata: { name: carts }
spec:
  remediations:
    - problemType: Slow
      actionsOnOpen:
        - { name: Scale, action: scaling, description: one more, value: "1" }
    - problemType: default
      actionsOnOpen:
        - { name: Promotion, action: featuretoggle, value: "Promotion:off" }
`;

describe('what follows an action of the remediation-service', () => {
  let world: Remedied;
  before(
    async () => (world = await startRemediation({ REMEDIATION_WAIT: 3_600_000, REMEDIATION_ANSWER_TIMEOUT: 3_000 })),
  );
  after(() => world.close());

  const finished = async (context: string) =>
    remediationFinished.parse((await world.event(context, eventTypes.remediationFinished)).data).remediation;
  const actions = (context: string): string[] =>
    world
      .events(context, eventTypes.actionTriggered)
      .map(({ data }) => actionTriggered.parse(data).action)
      .map(({ action, value }) => `${action} ${String(value)}`);
  const answers = (context: string): string[] =>
    world.events(context, eventTypes.actionFinished).map(({ data }) => actionFinished.parse(data).action.message);

  it('is an evaluation of the time since then, and no more where the objectives are met', async () => {
    const project = await world.shop(plan, [3]);
    const context = await world.problem(project, 'Slow answers');
    expect(await finished(context)).to.deep.equal({
      ...{ result: 'pass', status: 'succeeded', message: 'scaling has helped: the objectives are met' },
    });
    const [asked] = world.events(context, eventTypes.startEvaluation);
    const { start, end, ...rest } = testsFinished.parse(asked?.data);
    expect(Date.parse(end) - Date.parse(start)).to.be.within(1_000, 5_000);
    expect(rest).to.include({ stage: 'prod', teststrategy: 'real-user', deploymentstrategy: 'blue_green_service' });
    expect(actions(context)).to.deep.equal(['scaling +1']);
    // The gate takes it for no delivery.
    await until('looked at', () => world.lines(context).some((line) => line.includes('nothing is promoted')));
    expect(world.events(context, eventTypes.deliveryFinished)).to.deep.equal([]);
    expect(world.events(context, configurationChange)).to.have.length(1);
    await world.problem(project, 'Slow answers', over, context);
    await world.event(context, remediationClosed);
    expect(await world.file(project, DEPLOYMENT)).to.include('replicas: 1');
  });

  it('is the next action where it did not help, and all are taken back in reverse order', async () => {
    const project = await world.shop(plan, [30, 20, 3]);
    const context = await world.problem(project, 'Slow answers');
    expect((await finished(context)).result).to.equal('pass');
    expect(actions(context)).to.deep.equal(['scaling +1', 'featuretoggle Promotion:off', 'scaling +2']);
    expect(await world.file(project, DEPLOYMENT)).to.include('replicas: 4');
    await world.problem(project, 'Slow answers', over, context);
    await world.event(context, remediationClosed);
    const undone = world.events(context, actionUndo).map(({ data }) => actionTriggered.parse(data).action.value);
    expect(undone).to.deep.equal(['+2', 'Promotion:off', '+1']);
    expect(await world.file(project, DEPLOYMENT))
      .to.include('replicas: 1')
      .and.not.include('problem-');
    expect(world.toggled.slice(-2).map((line) => line.split(' ')[1])).to.deep.equal([
      '/admin/features/Promotion/toggle/off',
      '/admin/features/Promotion/toggle/on',
    ]);
  });

  it('is an escalation where no action is left', async () => {
    const project = await world.shop(plan, [30, 30, 30]);
    const context = await world.problem(project, 'Slow answers', { ImpactedEntity: 'carts-1' });
    const { data } = await world.event(context, remediationEscalated);
    expect(data).to.deep.include({ project, stage: 'prod', service: 'carts' });
    expect(data).to.have.deep.property('actions', ['scaling', 'featuretoggle', 'scaling']);
    expect(data).to.have.nested.property('problem.ImpactedEntity', 'carts-1');
    expect(textIn(data, 'message')).to.equal(
      'scaling has not helped: the evaluation ended with fail; no action of remediation.yaml is left: somebody has to look at carts in prod',
    );
    expect((await finished(context)).result).to.equal('failed');
    await world.problem(project, 'Slow answers', over, context);
    await world.event(context, remediationClosed);
    expect(await world.file(project, DEPLOYMENT)).to.include('replicas: 1');
  });

  it('ends with the problem, and nothing is evaluated then', async () => {
    const project = await world.shop(plan);
    const context = await world.problem(project, 'Waits');
    await world.event(context, eventTypes.actionFinished);
    await world.problem(project, 'Waits', over, context);
    await world.event(context, remediationClosed);
    expect(world.told(context)).to.not.include('start-evaluation');
    expect(await finished(context)).to.deep.include({ result: 'pass', message: 'the problem is over' });
  });

  it('is left to the end of the problem where there are no objectives', async () => {
    const project = await world.shop(plan);
    const context = await world.problem(project, 'Slow answers');
    expect((await finished(context)).message).to.equal('scaling is in effect: no objectives say whether it helps');
  });

  it('may be done by a service of one’s own', async () => {
    const project = await world.shop(plan, [3]);
    const context = await world.problem(project, 'Stuck');
    const asked = await world.event(context, eventTypes.actionTriggered);
    expect(asked.data).to.deep.include({ project, stage: 'prod', service: 'carts' });
    const { action, problem } = actionTriggered.parse(asked.data);
    expect(action).to.deep.include({ name: 'Kick it', action: 'restart-pods', value: { grace: 5 } });
    expect(problem).to.include({ ProblemTitle: 'Stuck', PID: '7', State: 'OPEN' });
    // As a service for Keptn 0.7 answers, which does not say to what.
    const place = { project, stage: 'prod', service: 'carts', labels: null };
    const answer = { ...place, action: { result: 'pass', status: 'succeeded' } };
    await world.send(eventTypes.actionFinished, answer, { shkeptncontext: context });
    expect((await finished(context)).message).to.equal('Kick it has helped: the objectives are met');
    await world.problem(project, 'Stuck', over, context);
    await world.event(context, remediationClosed);
    expect(actionTriggered.parse((await world.event(context, actionUndo)).data).action.action).to.equal('restart-pods');
  });

  it('does not wait for ever for a service that nobody has', async () => {
    const project = await world.shop(plan);
    const context = await world.problem(project, 'Stuck');
    await world.event(context, eventTypes.actionTriggered, 2);
    expect(answers(context)[0]).to.equal(
      'no service has answered to restart-pods, which is none of those that are built in (scaling, slowdown, abort, featuretoggle)',
    );
    expect(actions(context)[1]).to.equal('scaling +1');
  });

  it('reads the remediation.yaml of Keptn 0.7 as well', async () => {
    const project = await world.shop(later);
    const context = await world.problem(project, 'Slow answers');
    await world.event(context, eventTypes.actionFinished);
    expect(await world.file(project, DEPLOYMENT)).to.include('replicas: 2');
    const other = await world.problem(project, 'Anything', { PID: '8' });
    await world.event(other, eventTypes.actionFinished);
    expect(answers(other)).to.deep.equal(['feature Promotion is off']);
  });

  it('is the next action where Unleash refuses', async () => {
    const project = await world.shop(
      plan.replace('action: scaling, value: "+1", wait: 1s', 'action: featuretoggle, value: "Unknown:off"'),
    );
    const context = await world.problem(project, 'Slow answers');
    await world.event(context, eventTypes.actionFinished, 2);
    expect(answers(context)).to.deep.equal(['Unleash does not switch Unknown: HTTP 404', 'feature Promotion is off']);
  });

  describe('of a problem that a monitoring tool tells of', () => {
    const bodies = (project: string): [string, object, object][] => {
      const alert = (status: string, endsAt: string): object => ({
        receiver: 'keptn',
        alerts: [
          {
            ...{ status, startsAt: new Date(Date.now() - 60_000).toISOString().replace(/\d\.\d+Z/, '0Z'), endsAt },
            labels: { alertname: 'Waits too long', project, stage: 'prod', service: 'carts' },
            annotations: { summary: 'slow' },
            fingerprint: randomUUID(),
          },
        ],
      });
      const firing = alert('firing', '0001-01-01T00:00:00Z') as { alerts: object[] };
      const resolved = {
        ...firing,
        alerts: firing.alerts.map((one) => ({ ...one, status: 'resolved', endsAt: new Date().toISOString() })),
      };
      const notification = {
        ...{ State: 'OPEN', PID: randomUUID(), ProblemID: '701', ProblemTitle: 'Waits', ProblemDetails: { id: '1' } },
        Tags: `keptn_project:${project}, keptn_stage:prod, keptn_service:carts`,
      };
      return [
        ['Alertmanager', firing, resolved],
        ['Dynatrace', notification, { ...notification, State: 'RESOLVED' }],
      ];
    };
    const broker = async (body: object): Promise<string> => {
      const rules = { types: ['sh.keptn.>'], mappings: noMappings };
      const [event] = eventsOf({}, Buffer.from(JSON.stringify(body)), rules);
      if (!event) throw new Error('no event');
      await world.bus.publish(event);
      return event.shkeptncontext;
    };
    for (const nth of [0, 1]) {
      const [tool] = bodies('')[nth] ?? [];
      it(`is taken back when ${tool} says that it is over`, async () => {
        const project = await world.shop(plan);
        const [, open, end] = bodies(project)[nth] ?? [];
        const context = await broker(open ?? {});
        await world.event(context, eventTypes.actionFinished);
        expect(await world.file(project, DEPLOYMENT)).to.include('replicas: 2');
        expect(await broker(end ?? {})).to.equal(context);
        await world.event(context, remediationClosed);
        expect(await world.file(project, DEPLOYMENT)).to.include('replicas: 1');
      });
    }
  });

  it('begins when a helm-service of 0.6.2 has deployed it, which knows no actions', () => {
    const place = { project: 'p', stage: 'prod', service: 'carts' };
    const told = (type: string, second: number, data: object): KeptnEvent => ({
      ...{ id: `${second}`, type, source: 'test', shkeptncontext: 'c', time: `2026-03-01T10:00:0${second}Z` },
      data: { ...place, ...data },
    });
    const problem = { State: 'OPEN', PID: '7', ProblemTitle: 'Slow' };
    const past = [
      told(eventTypes.problemOpen, 1, problem),
      told(eventTypes.actionTriggered, 2, { action: { action: 'scaling', value: '+1' }, problem }),
      told(eventTypes.deploymentFinished, 3, { teststrategy: 'real-user' }),
    ];
    const [step] = remediationOf(past.toReversed(), '7').steps;
    expect(step?.answer).to.deep.include({ result: 'pass', at: '2026-03-01T10:00:03Z' });
    const rules = { waitMs: 60_000, answerMs: 60_000 };
    const wait = nextOf(remediationOf(past.toReversed(), '7'), { ...rules, now: Date.parse('2026-03-01T10:00:04Z') });
    expect(wait).to.include({ kind: 'wait', until: Date.parse('2026-03-01T10:01:03Z') });
  });
});
