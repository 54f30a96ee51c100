/** sockshop on a cluster with simulated nodes and the real helm: from `kubectl apply` to prod, and what stops a bad version. */
import { expect } from 'chai';
import { imageOf } from '../lib/delivery/image.ts';

import { eventTypes, textIn } from '../lib/events/event.ts';
import { configurationChange, deploymentFinished, evaluationDone } from '../lib/events/workflow.ts';
import { startDeliveryWorld, type DeliveryWorld } from './launch/delivery.ts';
import { until } from './launch/standalone.ts';

const CARTS = 'docker.io/keptnexamples/carts';

describe('a delivery of sockshop', () => {
  let world: DeliveryWorld;
  before(async function () {
    this.timeout(120_000);
    world = await startDeliveryWorld();
  });
  after(() => world.stop());

  const column = (path: string, service = 'sockshop-carts'): Promise<string> =>
    world.kubectl('get', 'services.keptn.sh', service, '-o', `jsonpath={${path}}`);
  const delivered = (service = 'sockshop-carts', field = 'status'): Promise<string> =>
    column(`.status.conditions[?(@.type=="Delivered")].${field}`, service);
  const patch = (image: string): Promise<string> =>
    world.kubectl(
      'patch',
      'services.keptn.sh',
      'sockshop-carts',
      '--type=merge',
      '-p',
      JSON.stringify({ spec: { artifact: { image } } }),
    );
  const deployed = async (stage: string, name: string): Promise<string> => {
    const path = '{.spec.replicas} {.spec.template.spec.containers[0].image}';
    return world.kubectl('get', 'deployment', name, '-n', `sockshop-${stage}`, '-o', `jsonpath=${path}`);
  };
  const weights = async (stage: string): Promise<string> =>
    world.kubectl(
      'get',
      'virtualservice',
      'carts',
      '-n',
      `sockshop-${stage}`,
      '-o',
      'jsonpath={.spec.http[0].route[*].weight}',
    );

  it('reaches prod within a minute after kubectl apply', async function () {
    this.timeout(150_000);
    const began = Date.now();
    await world.apply('examples/sockshop');
    const wait = ['wait', '--for=condition=Delivered', 'services.keptn.sh', '--all', '--timeout=120s'];
    await world.kubectl(...wait);
    expect((Date.now() - began) / 1000).to.be.below(60);
    expect(await column('.status.delivery.phase')).to.equal('Ready');
    expect(await column('.status.delivery.stage')).to.equal('prod');
    expect(await column('.status.stages[*].phase')).to.equal('Ready Ready Ready');
    expect(await delivered('sockshop-carts', 'message')).to.equal(`${CARTS}:0.10.1 is in prod`);
  });

  it('sends the events of 0.6.2 in their order, all in one context, each with the commit that was deployed', async () => {
    const events = await world.delivery('sockshop', 'carts');
    const told = events
      .filter(({ type }) => !type.startsWith('sh.keptn.event.delivery.') && type !== eventTypes.serviceCreate)
      .map(({ type, data }) => {
        const change =
          type === eventTypes.configurationChange ? configurationChange.parse(data).canary?.action : undefined;
        const name = type.replace(/^sh\.keptn\.(internal\.)?events?\./, '');
        return [textIn(data, 'stage'), name, change].filter((part) => part).join(' ');
      });
    const stage = (name: string, evaluated: boolean): string[] => [
      `${name} deployment-finished`,
      `${name} tests-finished`,
      ...(evaluated ? [`${name} get-sli`, `${name} get-sli.done`] : []),
      `${name} evaluation-done`,
      `${name} configuration.change promote`,
    ];
    expect(told).to.deep.equal([
      'dev configuration.change set',
      ...stage('dev', true),
      'staging configuration.change set',
      ...stage('staging', true),
      'prod configuration.change set',
      ...stage('prod', false),
    ]);
    expect(new Set(events.map(({ shkeptncontext }) => shkeptncontext)).size).to.equal(1);
    for (const { type, data, extensions } of events) {
      if (type !== eventTypes.evaluationDone) continue;
      const of = textIn(data, 'stage') ?? '';
      const chart = await world.git(
        'sockshop',
        'show',
        `${extensions?.['gitcommitid'] ?? ''}:carts/helm/carts/values.yaml`,
      );
      expect(chart, of).to.include(`image: ${CARTS}:0.10.1`);
    }
  });

  it('leaves the primary with all traffic, and the canary without pods', async () => {
    for (const stage of ['staging', 'prod']) {
      expect(await weights(stage)).to.equal('0 100');
      expect(await deployed(stage, 'carts-primary')).to.equal(`1 ${CARTS}:0.10.1`);
      expect(await deployed(stage, 'carts')).to.equal(`0 ${CARTS}:0.10.1`);
    }
    expect(await deployed('dev', 'carts')).to.equal(`1 ${CARTS}:0.10.1`);
    const injected = await world.kubectl(
      'get',
      'namespace',
      'sockshop-staging',
      '-o',
      'jsonpath={.metadata.labels.istio-injection}',
    );
    expect(injected).to.equal('enabled');
  });

  it('is to be read in the Git history of each stage, with its context', async () => {
    const context = await column('.status.delivery.keptnContext');
    const file = 'carts/helm/carts-generated/templates/carts-istio-virtualservice.yaml';
    const log = await world.git(
      'sockshop',
      'log',
      '--format=%(trailers:key=Keptn-Context,valueonly,separator=%x2C)',
      'staging',
      '--',
      file,
    );
    expect(log.trim().split('\n')).to.deep.equal([context, context]);
    const moved = await world.git('sockshop', 'log', '-p', '--reverse', '--format=', 'staging', '--', file);
    expect(moved.match(/^\+ +weight: \d+$/gm)?.map((line) => line.replace(/\D/g, ''))).to.deep.equal([
      '100',
      '0',
      '0',
      '100',
    ]);
  });

  it('shows where it is while it goes, and then what is in each stage', async () => {
    const table = await world.kubectl('get', 'services.keptn.sh');
    expect(table).to.match(/NAME +PROJECT +ARTIFACT +STAGE +PHASE +SCORE/);
    expect(table).to.match(/sockshop-carts +sockshop +\S+:0\.10\.1 +prod +Ready/);
  });

  it('stops a slow version in staging: discarded there, prod as it was, and the status says which value was too much', async function () {
    this.timeout(120_000);
    world.shop.behaviours.set('carts-canary.sockshop-staging', { delayMs: 700 });
    const artifact = ['send', 'event', 'new-artifact', '--project=sockshop', '--service=carts'];
    const { code, err } = await world.cli.keptn(...artifact, `--image=${CARTS}:0.10.2`);
    expect(err).to.match(/^dev +Ready +/m);
    expect(err).to.match(/^Error: carts ended in staging: the evaluation failed: .*response_time_p95/m);
    expect(code).to.equal(1);
    await until('it has failed', async () => (await delivered('sockshop-carts', 'reason')) === 'Failed', 90);
    const message = await delivered('sockshop-carts', 'message');
    expect(message).to.match(/0\.10\.2 ended in staging: the evaluation failed: .*response_time_p95/);
    expect(await column('.status.stages[*].phase')).to.equal('Ready Failed Ready');
    expect(await weights('staging')).to.equal('0 100');
    expect(await deployed('staging', 'carts-primary')).to.equal(`1 ${CARTS}:0.10.1`);
    expect(await deployed('staging', 'carts')).to.equal(`0 ${CARTS}:0.10.2`);
    expect(await deployed('prod', 'carts-primary')).to.equal(`1 ${CARTS}:0.10.1`);
    const events = await world.delivery('sockshop', 'carts');
    const evaluations = events
      .filter(({ type }) => type === eventTypes.evaluationDone)
      .map(({ data }) => evaluationDone.parse(data));
    expect(evaluations.map(({ stage }) => stage)).to.deep.equal(['dev', 'staging']);
    // A machine that is slower than a moment ago makes a warning of dev's pass.
    expect(evaluations[0]?.result).to.be.oneOf(['pass', 'warning']);
    expect(evaluations[1]?.result).to.equal('fail');
    const results = evaluations[1]?.evaluationdetails?.indicatorResults ?? [];
    expect(results.filter(({ status }) => status === 'fail').map(({ value }) => value.metric)).to.deep.equal([
      'response_time_p95',
    ]);
  });

  it('delivers the next version, that is good again', async function () {
    this.timeout(120_000);
    world.shop.behaviours.clear();
    await patch(`${CARTS}:0.10.3`);
    await world.kubectl('wait', '--for=condition=Delivered', 'services.keptn.sh/sockshop-carts', '--timeout=90s');
    expect(await deployed('prod', 'carts-primary')).to.equal(`1 ${CARTS}:0.10.3`);
    const deployments = (await world.delivery('sockshop', 'carts')).filter(
      ({ type }) => type === eventTypes.deploymentFinished,
    );
    for (const { data } of deployments) expect(imageOf(deploymentFinished.parse(data))).to.equal(`${CARTS}:0.10.3`);
  });

  it('goes through a stage that was added meanwhile, and ends where a stage was taken away', async function () {
    this.timeout(180_000);
    const stage = (name: string, deployment_strategy: string) => ({ name, deployment_strategy });
    const change = async (stages: { name: string }[], tag: string): Promise<void> => {
      const shipyard = JSON.stringify({ spec: { shipyard: { stages } } });
      await world.kubectl('patch', 'projects.keptn.sh', 'sockshop', '--type=merge', '-p', shipyard);
      const names = stages.map(({ name }) => name).join(' ');
      await until('the stages are there', async () => (await column('.status.branches[*].name')) === names, 30);
      await patch(`${CARTS}:${tag}`);
      await world.kubectl('wait', '--for=condition=Delivered', 'services.keptn.sh/sockshop-carts', '--timeout=90s');
    };
    const [dev, qa] = [stage('dev', 'direct'), stage('qa', 'direct')];
    const [staging, prod] = [stage('staging', 'blue_green_service'), stage('prod', 'blue_green_service')];
    await change([dev, qa, staging, prod], '0.10.4');
    expect(await deployed('qa', 'carts')).to.equal(`1 ${CARTS}:0.10.4`);
    expect(await deployed('prod', 'carts-primary')).to.equal(`1 ${CARTS}:0.10.4`);
    await change([dev, qa, staging], '0.10.5');
    expect(await deployed('staging', 'carts-primary')).to.equal(`1 ${CARTS}:0.10.5`);
    expect(await deployed('prod', 'carts-primary')).to.equal(`1 ${CARTS}:0.10.4`);
  });
});
