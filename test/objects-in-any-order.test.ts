import { expect } from 'chai';
import { custom, isReady, readyMessage, startWorld, type World } from './launch/world.ts';

const resource = custom('Resource', 'slo', { project: 'shop', service: 'carts', uri: 'slo.yaml', text: 'x: 1\n' });
const service = custom('Service', 'carts', { project: 'shop', artifact: { image: 'carts:1' } });
const stage = (name: string, order: number): object =>
  custom('Stage', `shop-${name}`, { project: 'shop', name, order });

describe('objects in any order', () => {
  let world: World;
  before(async () => {
    world = await startWorld();
  });
  after(() => world.stop());

  const expectReason = async (name: string, reason: string, text: string): Promise<void> => {
    await world.until(`${name} says ${reason}`, (seen) =>
      readyMessage(seen.find(({ metadata }) => metadata.name === name)).startsWith(reason),
    );
    expect(readyMessage((await world.objects()).find(({ metadata }) => metadata.name === name))).to.include(text);
  };

  it('wait with a reason for what they build on', async () => {
    await world.apply([resource]);
    await expectReason('slo', 'ProjectNotReady', 'waiting for Project shop: there is none in namespace default');
    await world.apply([service]);
    await expectReason('carts', 'ProjectNotReady', 'waiting for Project shop');
    await world.apply([custom('Project', 'shop', {})]);
    await expectReason('carts', 'StageNotReady', 'Project shop has none yet');
  });

  it('become Ready by themselves once it is there', async () => {
    await world.apply([stage('prod', 2), stage('dev', 1)]);
    await world.until('all are Ready', (seen) => seen.length === 5 && seen.every(isReady), 30);
    expect(await world.git('shop', 'show', 'prod:carts/slo.yaml')).to.equal('x: 1\n');
  });

  it('make the shipyard of Stages that were written by hand, in their order', async () => {
    const shipyard = await world.git('shop', 'show', 'master:shipyard.yaml');
    expect(shipyard.match(/name: \w+/g)).to.deep.equal(['name: dev', 'name: prod']);
  });

  it('take a change of a later stage into the shipyard', async () => {
    await world.apply([stage('staging', 2), stage('prod', 3)]);
    await world.until(
      'the shipyard has staging',
      async () =>
        (await world.git('shop', 'show', 'master:shipyard.yaml')).match(/name: \w+/g)?.join() ===
        'name: dev,name: staging,name: prod',
    );
    await world.until(
      'the file is in staging too',
      async () => (await world.git('shop', 'show', 'staging:carts/slo.yaml').catch(() => '')) === 'x: 1\n',
    );
  });
});
