/** Fifty services at once, through three stages, each by the real helm into a cluster without a mesh. */
import { expect } from 'chai';
import { eventTypes } from '../lib/events/event.ts';
import { startDeliveryWorld, type DeliveryWorld } from './launch/delivery.ts';
import { tinyProject } from './launch/tiny.ts';

const SERVICES = 50;

describe(`${SERVICES} services that are delivered at once`, () => {
  let world: DeliveryWorld;
  before(async function () {
    this.timeout(120_000);
    world = await startDeliveryWorld({ plain: true });
  });
  after(() => world.stop());

  it('all reach prod, none twice', async function () {
    this.timeout(600_000);
    const names = Array.from({ length: SERVICES }, (_, nth) => `s${nth}`);
    await world.apply(tinyProject('many', names, { direct: true }));
    await world.kubectl('wait', '--for=condition=Delivered', 'services.keptn.sh', '--all', '--timeout=540s');
    const images = await world.kubectl(
      'get',
      'deployments',
      '-n',
      'many-prod',
      '-o',
      'jsonpath={.items[*].spec.template.spec.containers[0].image}',
    );
    expect(images.split(' ').sort()).to.deep.equal(names.map((name) => `docker.io/example/${name}:1.0`).sort());
    for (const type of [eventTypes.deploymentFinished, eventTypes.evaluationDone]) {
      for (const stage of ['dev', 'staging', 'prod']) {
        const events = await world.history.events({ project: 'many', stage, type });
        expect(
          new Set(events.map(({ data }) => (data as { service: string }).service)).size,
          `${type} in ${stage}`,
        ).to.equal(SERVICES);
        expect(events, `${type} in ${stage}`).to.have.length(SERVICES);
      }
    }
  });
});
