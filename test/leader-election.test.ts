import { expect } from 'chai';
import { nodeProcess, type NodeProcess } from './launch/node-process.ts';
import { custom, isReady, startWorld, type World } from './launch/world.ts';

const project = (name: string): object =>
  custom('Project', name, { shipyard: { stages: [{ name: 'dev', deployment_strategy: 'direct' }] } });

describe('two replicas of the operator', () => {
  let world: World;
  let other: NodeProcess;
  const env = { KEPTN_LEADER_ELECT: 'true', POD_NAMESPACE: 'default' };

  before(async () => {
    world = await startWorld({ env });
    other = await nodeProcess('operator', {
      env: {
        KUBECONFIG: world.api.kubeconfig,
        NATS_URL: world.nats.url,
        KEPTN_CONFIGURATION_SERVICE: world.configuration.url,
        KEPTN_LISTEN_HOST: '127.0.0.1',
        ...env,
      },
      port: 'KEPTN_HEALTH_PORT',
      ready: '/healthz',
    });
    await other.start();
  });
  after(async () => {
    await other.end('SIGTERM');
    await world.stop();
  });

  const leads = async (process: NodeProcess): Promise<boolean> =>
    (await (await fetch(`${process.url}/metrics`)).text()).split('\n').includes('leader_election_master_status 1');

  it('let one of them work', async () => {
    await world.apply([project('one')]);
    await world.until('the project is Ready', (seen) => seen.length === 2 && seen.every(isReady));
    expect([await leads(world.operator), await leads(other)].filter(Boolean)).to.have.length(1);
    expect(await world.events()).to.have.length(1);
  });

  it('hand over at once when the leader is stopped', async () => {
    const [leader, follower] = (await leads(other)) ? [other, world.operator] : [world.operator, other];
    await leader.end('SIGTERM');
    await world.apply([project('two')]);
    await world.until('the project is Ready', (seen) => seen.length === 4 && seen.every(isReady), 10);
    expect(await leads(follower)).to.equal(true);
    await leader.start();
  });

  it('hand over after the lease has ended when the leader is killed', async () => {
    const leader = (await leads(other)) ? other : world.operator;
    await leader.end('SIGKILL');
    await world.apply([project('three')]);
    await world.until('the project is Ready', (seen) => seen.length === 6 && seen.every(isReady), 40);
    expect(await world.events()).to.have.length(3);
  });
});
