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
