import { expect } from 'chai';
import { custom, isReady, startWorld, type World } from './launch/world.ts';

describe('content that differs in Git from what is declared', () => {
  let world: World;
  before(async () => {
    world = await startWorld({ env: { KEPTN_RESYNC: '2' } });
    await world.apply([
      custom('Project', 'shop', { shipyard: { stages: [{ name: 'dev', deployment_strategy: 'direct' }] } }),
      custom('Service', 'carts', { project: 'shop' }),
      custom('Resource', 'slo', { project: 'shop', service: 'carts', uri: 'slo.yaml', text: 'declared\n' }),
    ]);
    await world.until('all are Ready', (seen) => seen.length === 4 && seen.every(isReady));
  });
  after(() => world.stop());

  const url = (): string => `${world.configuration.url}/v1/project/shop/stage/dev/service/carts/resource/slo.yaml`;
  const isDeclared = async (): Promise<boolean> =>
    (await world.git('shop', 'show', 'dev:carts/slo.yaml').catch(() => '')) === 'declared\n';

  it('is written again at the next resync', async () => {
    const body = { resourceURI: 'slo.yaml', resourceContent: Buffer.from('changed by hand\n').toString('base64') };
    const headers = { 'content-type': 'application/json' };
    expect((await fetch(url(), { method: 'PUT', headers, body: JSON.stringify(body) })).status).to.equal(201);
    await world.until('it is as declared', isDeclared, 10);
  });

  it('is written again after it was deleted', async () => {
    expect((await fetch(url(), { method: 'DELETE' })).status).to.equal(204);
    await world.until('it is as declared', isDeclared, 10);
  });

  it('stays while its object is suspended', async () => {
    await world.kubectl('patch', 'resources.keptn.sh', 'slo', '--type=merge', '-p', '{"spec":{"suspend":true}}');
    expect((await fetch(url(), { method: 'DELETE' })).status).to.equal(204);
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect(await isDeclared()).to.equal(false);
    await world.kubectl('patch', 'resources.keptn.sh', 'slo', '--type=merge', '-p', '{"spec":{"suspend":false}}');
    await world.until('it is as declared', isDeclared, 10);
  });

  it('makes the branch and the folder again when they were removed', async () => {
    const stage = `${world.configuration.url}/v1/project/shop/stage/dev`;
    expect((await fetch(stage, { method: 'DELETE' })).status).to.equal(204);
    await world.until('it is as declared', isDeclared, 20);
  });
});
