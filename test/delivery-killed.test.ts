/** Each service of a delivery is killed in the middle of its work, and started again: the delivery ends right. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { eventTypes, textIn } from '../lib/events/event.ts';
import { startDeliveryWorld, type DeliveryWorld, type WorkflowService } from './launch/delivery.ts';
import { tinyProject } from './launch/tiny.ts';
import { until } from './launch/standalone.ts';

/** Whom to kill, once an event of this type has come in this stage, and how long after it. */
const kills: readonly [WorkflowService, string, string, number][] = [
  ['helm-service', eventTypes.configurationChange, 'staging', 0],
  ['helm-service', eventTypes.configurationChange, 'staging', 700],
  ['helm-service', eventTypes.configurationChange, 'staging', 1_500],
  ['helm-service', eventTypes.evaluationDone, 'staging', 100],
  ['helm-service', eventTypes.evaluationDone, 'staging', 1_200],
  ['jmeter-service', eventTypes.deploymentFinished, 'dev', 0],
  ['jmeter-service', eventTypes.deploymentFinished, 'staging', 300],
  ['lighthouse-service', eventTypes.testsFinished, 'staging', 0],
  ['lighthouse-service', eventTypes.getSli, 'staging', 0],
  ['gatekeeper-service', eventTypes.evaluationDone, 'dev', 0],
];

describe('a delivery whose services are killed', () => {
  let world: DeliveryWorld;
  before(async function () {
    this.timeout(120_000);
    world = await startDeliveryWorld();
    await world.apply(tinyProject('tiny', ['shop']));
    await world.kubectl('wait', '--for=condition=Delivered', 'services.keptn.sh/tiny-shop', '--timeout=90s');
  });
  after(() => world.stop());

  for (const [nth, [name, type, stage, afterMs]] of kills.entries()) {
    const when = `${afterMs === 0 ? 'at once' : `${afterMs / 1000} s`} after ${type.replace(/.*\./, '')} in ${stage}`;
    it(`goes on when ${name} is killed ${when}`, async function () {
      this.timeout(120_000);
      const image = `docker.io/example/shop:1.${nth + 1}`;
      const began = new Date().toISOString();
      const patch = JSON.stringify({ spec: { artifact: { image } } });
      await world.kubectl('patch', 'services.keptn.sh', 'tiny-shop', '--type=merge', '-p', patch);
      const search = { project: 'tiny', service: 'shop', stage, type, fromTime: began };
      await until(`${type} in ${stage}`, async () => (await world.history.events(search)).length > 0, 60);
      await sleep(afterMs);
      await world.services[name].end('SIGKILL');
      await world.services[name].start();
      await world.kubectl('wait', '--for=condition=Delivered', 'services.keptn.sh/tiny-shop', '--timeout=90s');
      const path = 'jsonpath={.spec.replicas} {.spec.template.spec.containers[0].image}';
      for (const place of ['staging', 'prod']) {
        const primary = await world.kubectl('get', 'deployment', 'shop-primary', '-n', `tiny-${place}`, '-o', path);
        expect(primary, place).to.equal(`1 ${image}`);
        const weights = 'jsonpath={.spec.http[0].route[*].weight}';
        expect(await world.kubectl('get', 'virtualservice', 'shop', '-n', `tiny-${place}`, '-o', weights)).to.equal(
          '0 100',
        );
      }
      // Whatever was done twice has told the same events.
      const events = await world.delivery('tiny', 'shop');
      const told = events.map(
        ({ type: one, data }) => `${one} ${textIn(data, 'stage') ?? ''} ${JSON.stringify(data).includes('"promote"')}`,
      );
      expect(told).to.deep.equal([...new Set(told)]);
    });
  }

  const parts: readonly [string, () => Promise<unknown>, () => Promise<unknown>][] = [
    ['the datastore', () => world.datastore.end('SIGKILL'), () => world.datastore.start()],
    ['the configuration-service', () => world.configuration.end('SIGKILL'), () => world.configuration.start()],
    ['NATS', () => world.nats.kill(), () => world.nats.startAgain()],
    ['the API server', () => world.api.killApiServer(), () => world.api.startAgain()],
    ['the operator', () => world.operator.end('SIGKILL'), () => world.operator.start()],
  ];
  for (const [nth, [name, away, back]] of parts.entries()) {
    it(`goes on after ${name} was away for some seconds in the middle`, async function () {
      this.timeout(180_000);
      const image = `docker.io/example/shop:2.${nth}`;
      const began = new Date().toISOString();
      const patch = JSON.stringify({ spec: { artifact: { image } } });
      await world.kubectl('patch', 'services.keptn.sh', 'tiny-shop', '--type=merge', '-p', patch);
      const search = { project: 'tiny', service: 'shop', type: eventTypes.deploymentFinished, fromTime: began };
      await until('it is deployed to dev', async () => (await world.history.events(search)).length > 0, 60);
      await away();
      await sleep(12_000);
      await back();
      await until(
        'the API server answers',
        async () => (await world.kubectl('get', 'nodes').catch(() => '')) !== '',
        30,
      );
      await world.kubectl('wait', '--for=condition=Delivered', 'services.keptn.sh/tiny-shop', '--timeout=120s');
      const path = 'jsonpath={.spec.replicas} {.spec.template.spec.containers[0].image}';
      const primary = await world.kubectl('get', 'deployment', 'shop-primary', '-n', 'tiny-prod', '-o', path);
      expect(primary).to.equal(`1 ${image}`);
    });
  }

  it('goes on when wait-service is killed while it waits', async function () {
    this.timeout(120_000);
    await world.apply(tinyProject('live', ['shop'], { direct: true, realUser: true }));
    const search = { project: 'live', service: 'shop', stage: 'prod', type: eventTypes.deploymentFinished };
    await until('it is in prod', async () => (await world.history.events(search)).length > 0, 60);
    await world.services['wait-service'].end('SIGKILL');
    await world.services['wait-service'].start();
    await world.kubectl('wait', '--for=condition=Delivered', 'services.keptn.sh/live-shop', '--timeout=60s');
  });
});
