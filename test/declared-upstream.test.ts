/** A Project that declares its upstream, with the token in a Secret. */
import { expect } from 'chai';
import { startGitRemote, type GitRemote } from './launch/git-remote.ts';
import { custom, isReady, readyMessage, startWorld, type Seen, type World } from './launch/world.ts';

const shipyard = { stages: [{ name: 'dev', deployment_strategy: 'direct' }] };

describe('a declared upstream', () => {
  let world: World;
  let remote: GitRemote;
  before(async () => {
    remote = await startGitRemote();
    world = await startWorld();
  });
  after(async () => {
    await world.stop();
    await remote.stop();
  });

  const secret = (token: string): object => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'upstream-token' },
    stringData: { token },
  });
  const declare = (name: string, url: string, spec: object = { shipyard }): object =>
    custom('Project', name, { ...spec, upstream: { url, tokenRef: { name: 'upstream-token', key: 'token' } } });
  const project = (seen: Seen[], name: string): Seen | undefined =>
    seen.find((object) => object.kind === 'Project' && object.metadata.name === name);

  it('waits for the Secret, says so, and is pushed to once it is there', async () => {
    const url = await remote.create('shop');
    await world.apply([declare('shop', url), custom('Resource', 'readme', { project: 'shop', uri: 'a', text: 'a' })]);
    await world.until('the Project waits for its token', (seen) =>
      readyMessage(project(seen, 'shop')).includes('waiting for key token of Secret default/upstream-token'),
    );
    await world.apply([secret(remote.token)]);
    await world.until('all are Ready', (seen) => seen.length === 3 && seen.every(isReady));
    await world.until('all is pushed', async () => (await remote.file('shop', 'master', 'a').catch(() => '')) === 'a');
    expect(await remote.file('shop', 'master', 'shipyard.yaml')).to.include('name: dev');
    const upstream = await world.kubectl('get', 'kproj', 'shop', '-o', 'jsonpath={.status.upstream}');
    expect(upstream).to.equal(url);
  });

  it('is said to be unusable in the Project’s status, and used when that is mended', async () => {
    const url = await remote.create('locked');
    const token = remote.token;
    remote.token += 'expired';
    await world.apply([declare('locked', url)]);
    await world.until('the Project says why', (seen) => {
      const message = readyMessage(project(seen, 'locked'));
      return message.includes('does not accept the user and token') && !message.includes(token);
    });
    remote.token = token;
    await world.until('it is Ready', (seen) => seen.every(isReady), 60);
  });

  it('keeps the shipyard that it brings, until stages are declared', async () => {
    const url = await remote.create('filled');
    await remote.commit('filled', 'master', 'shipyard.yaml', 'stages: # by hand\n');
    await world.apply([declare('filled', url, {})]);
    await world.until('it is Ready', (seen) => isReady(project(seen, 'filled') as Seen));
    expect(await world.git('filled', 'show', 'master:shipyard.yaml')).to.include('by hand');
    await world.apply([declare('filled', url)]);
    await world.until(
      'the shipyard is the declared one',
      async () => !(await world.git('filled', 'show', 'master:shipyard.yaml')).includes('by hand'),
    );
  });

  it('is left when it is declared no more', async () => {
    await world.apply([custom('Project', 'shop', { shipyard })]);
    await world.until('it follows nothing', async () => {
      const answer = await fetch(`${world.configuration.url}/v1/project/shop`);
      return !(await answer.text()).includes('gitRemoteURI');
    });
  });
});
