/** The remediation-service: what becomes of a problem, on a real configuration-service. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { until } from '../lib/bus/contract-parts.ts';
import { eventTypes } from '../lib/events/event.ts';
import { configurationChange } from '../lib/events/workflow.ts';
import { remediationService } from '../services/remediation-service/handler.ts';
import { startInProcess, type InProcess } from './launch/in-process.ts';

const shipyard = `stages:
  - { name: dev, deployment_strategy: direct }
  - { name: prod, deployment_strategy: blue_green_service, remediation_strategy: automated }
`;
const plan = `remediations:
  - { name: Slow, actions: [{ action: scaling, value: "+2" }] }
  - { name: Flood, actions: [{ action: slowdown, value: 5s }] }
  - { name: Attack, actions: [{ action: abort }] }
  - { name: Failures, actions: [{ action: featuretoggle, value: "Promotion:off" }] }
`;
const DEPLOYMENT = 'templates/carts-primary-deployment.yaml';
const SERVICE = 'templates/carts-istio-virtualservice.yaml';
const chart = {
  'helm/carts-generated/Chart.yaml': 'apiVersion: v2\nname: carts-generated\nversion: 0.1.0\n',
  [`helm/carts-generated/${DEPLOYMENT}`]:
    'kind: Deployment\nmetadata: { name: carts-primary }\nspec:\n  replicas: 1 # as many as it takes\n',
  [`helm/carts-generated/${SERVICE}`]:
    'kind: VirtualService\nmetadata: { name: carts }\nspec:\n  http:\n    - route:\n        - { destination: { host: carts-primary }, weight: 100 }\n',
};

describe('the remediation-service', () => {
  let world: InProcess;
  let project: string;
  const toggled: string[] = [];
  const unleash = createServer((request, response) => {
    toggled.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    response.end();
  });
  before(async () => {
    await new Promise<void>((resolve) => unleash.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(unleash.address() as AddressInfo).port}`;
    const settings = { UNLEASH_SERVER_URL: url, UNLEASH_USER: 'keptn', UNLEASH_TOKEN: 'secret' };
    world = await startInProcess(({ configuration }) => [remediationService({ configuration, unleash: settings })]);
  });
  beforeEach(async () => (project = await world.project(shipyard, { ...chart, 'remediation.yaml': plan })));
  after(async () => {
    await world.close();
    unleash.close();
  });

  const problem = (title: string, more: object = {}): Promise<string> => {
    const place = { project, stage: 'prod', service: 'carts' };
    const data = { State: 'OPEN', PID: '7', ProblemID: 'P7', ProblemTitle: title, ...place, ...more };
    return world.send(eventTypes.problemOpen, data);
  };
  const changeOf = async (context: string, file: string): Promise<string> => {
    const { data } = await world.event(context, eventTypes.configurationChange);
    const { fileChangesGeneratedChart } = configurationChange.parse(data);
    expect(Object.keys(fileChangesGeneratedChart ?? {})).to.deep.equal([file]);
    return fileChangesGeneratedChart?.[file] ?? '';
  };
  const commit = (file: string, content: string): Promise<string> =>
    world.write({ project, stage: 'prod', service: 'carts' }, `helm/carts-generated/${file}`, content);
  const says = async (context: string, words: string): Promise<void> => {
    await until(words, () => world.lines(context).some((line) => line.includes(words)));
    expect(world.events(context, eventTypes.configurationChange)).to.deep.equal([]);
  };

  it('scales what is slow once, however often it is told, and back when the problem is over', async () => {
    const scaled = await changeOf(await problem('Slow answers'), DEPLOYMENT);
    expect(scaled).to.include('replicas: 3 # as many as it takes');
    await commit(DEPLOYMENT, scaled);
    const back = await changeOf(await problem('Slow answers', { State: 'RESOLVED' }), DEPLOYMENT);
    expect(back).to.include('replicas: 1');
    expect(back).to.not.include('keptn.sh/problem');
    await commit(DEPLOYMENT, back);
    await says(await problem('Slow again', { State: 'CLOSED', PID: '8' }), 'not in effect');
  });

  it('acts once on a thousand reports of one problem', async () => {
    const contexts = await Promise.all(Array.from({ length: 1_000 }, () => problem('Slow answers')));
    // Events are handled in the order of their contexts alone: one that comes last is told behind them all.
    await world.event(await problem('Slow too', { PID: 'last' }), eventTypes.configurationChange);
    const changes = contexts.flatMap((context) => world.events(context, eventTypes.configurationChange));
    expect(changes).to.have.length(1);
  });

  it('slows down or turns away who causes it, and lets them in again', async () => {
    const flood = { ProblemDetails: { ClientIP: '10.1.2.3' } };
    const slow = await changeOf(await problem('Flood', flood), SERVICE);
    expect(slow).to.include('fixedDelay: 5s').and.include('10.1.2.3');
    await commit(SERVICE, slow);
    const both = await changeOf(await problem('Attack', { ...flood, PID: '8' }), SERVICE);
    expect(both).to.include('httpStatus: 403').and.include('fixedDelay: 5s');
    await commit(SERVICE, both);
    const rest = await changeOf(await problem('Flood', { ...flood, State: 'RESOLVED' }), SERVICE);
    expect(rest).to.include('httpStatus: 403').and.not.include('fixedDelay');
    await says(await problem('Flood', { PID: '9' }), 'nothing to change');
  });

  it('switches a feature off by Unleash, and on again', async () => {
    for (const State of ['OPEN', 'RESOLVED']) {
      const context = await problem('Failures', { State });
      await says(context, `feature Promotion is ${State === 'OPEN' ? 'off' : 'on'}`);
    }
    const user = `Basic ${Buffer.from('keptn:secret').toString('base64')}`;
    expect(toggled).to.deep.equal(['off', 'on'].map((to) => `POST /admin/features/Promotion/toggle/${to} ${user}`));
  });

  it('finds its place in the tags', async () => {
    const Tags = `keptn_service:carts, keptn_stage:prod, keptn_project:${project}`;
    const context = await problem('Slow', { project: '', stage: '', service: '', Tags });
    expect(await changeOf(context, DEPLOYMENT)).to.include('replicas: 3');
  });

  it('says why it does nothing', async () => {
    await says(await problem('Unheard of'), 'no entry of remediation.yaml');
    await says(await problem('Slow', { stage: 'dev' }), 'no remediation_strategy: automated');
    await says(await problem('Slow', { service: 'ghost' }), 'ghost in prod has no remediation.yaml');
    await says(await problem('Slow', { stage: 'moon' }), 'stage moon is not in the shipyard');
    await says(await problem('Slow', { project: '../etc' }), 'does not say where it is: project');
    await says(await problem('Slow', { project: 'ghost' }), 'there is no shipyard.yaml in project ghost');
  });

  it('names what is wrong in remediation.yaml', async () => {
    const wrong: [string, string][] = [
      ['remediations: [', 'is no YAML'],
      ['remediations: [{ name: Slow, actions: [{ action: dance }] }]', 'remediations.0.actions.0.action'],
      ['remediations: [{ name: Slow, actions: [{ action: scaling, value: many }] }]', 'actions.0.value'],
    ];
    for (const [content, words] of wrong) {
      await world.write({ project, stage: 'prod', service: 'carts' }, 'remediation.yaml', content);
      await says(await problem('Slow'), words);
    }
  });
});
