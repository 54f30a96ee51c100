import { expect } from 'chai';
import { custom, isReady, readyMessage, startWorld, type World } from './launch/world.ts';

const tokenRef = { name: 'git', key: 'token' };
const shipyard = { stages: [{ name: 'dev', deployment_strategy: 'direct' }] };

describe('wrong input', () => {
  let world: World;
  before(async () => {
    world = await startWorld();
    await world.apply([custom('Project', 'shop', { shipyard })]);
    await world.until('the project is Ready', (seen) => seen.length === 2 && seen.every(isReady));
  });
  after(() => world.stop());

  const refused: [string, object, RegExp][] = [
    [
      'a URI that leaves its folder',
      custom('Resource', 'a', { project: 'shop', uri: 'x/../../y', text: '' }),
      /spec\.uri.*must not have a segment/,
    ],
    [
      'a URI into .git',
      custom('Resource', 'a', { project: 'shop', uri: '.GIT/config', text: '' }),
      /spec\.uri.*must not have a segment/,
    ],
    ['an absolute URI', custom('Resource', 'a', { project: 'shop', uri: '/etc/passwd', text: '' }), /spec\.uri/],
    [
      'a resource of 2 MB',
      custom('Resource', 'a', { project: 'shop', uri: 'a', text: 'x'.repeat(2 << 20) }),
      /spec\.text.*Too long|request entity too large|must be no more than/i,
    ],
    ['a project that is no DNS label', custom('Project', 'a.b', {}), /metadata\.name is the name of the Keptn project/],
    ['a stage that is no DNS label', custom('Stage', 'a', { project: 'shop', name: 'Dev_1' }), /spec\.name/],
    [
      'a stage called as the main branch',
      custom('Stage', 'a', { project: 'shop', name: 'master' }),
      /spec\.name.*branch of the project itself/,
    ],
    [
      'two contents',
      custom('Resource', 'a', { project: 'shop', uri: 'a', text: '', base64: 'YQ==' }),
      /exactly one of text, base64/,
    ],
    ['no content', custom('Resource', 'a', { project: 'shop', uri: 'a' }), /exactly one of text, base64/],
    ['base64 that is none', custom('Resource', 'a', { project: 'shop', uri: 'a', base64: '%%%' }), /spec\.base64/],
    [
      'an image without a tag',
      custom('Service', 'a', { project: 'shop', artifact: { image: 'carts' } }),
      /spec\.artifact\.image/,
    ],
    [
      'a shipyard with a stage twice',
      custom('Project', 'twice', { shipyard: { stages: [...shipyard.stages, ...shipyard.stages] } }),
      /[dD]uplicate/,
    ],
    [
      'an unknown strategy',
      custom('Project', 'odd', { shipyard: { stages: [{ name: 'dev', deployment_strategy: 'hope' }] } }),
      /deployment_strategy.*hope/,
    ],
    [
      'a token in the address of an upstream',
      custom('Project', 'leaky', { upstream: { url: 'https://me:s3cret@git.example.com/a.git', tokenRef } }),
      /spec\.upstream\.url/,
    ],
    [
      'an upstream that is a file',
      custom('Project', 'local', { upstream: { url: 'file:///etc', tokenRef } }),
      /spec\.upstream\.url/,
    ],
  ];
  for (const [what, object, message] of refused) {
    it(`is refused at apply: ${what}`, async () => {
      const error = await world.apply([object]).then(() => 'it was accepted', String);
      expect(error).to.match(message);
    });
  }

  it('cannot move a Resource to another place', async () => {
    const spec = { project: 'shop', uri: 'a.txt', text: 'a' };
    await world.apply([custom('Resource', 'fixed', spec)]);
    for (const change of [{ uri: 'b.txt' }, { project: 'other' }, { stage: 'dev' }]) {
      const error = await world
        .apply([custom('Resource', 'fixed', { ...spec, ...change })])
        .then(() => 'it was accepted', String);
      expect(error).to.include('cannot be changed; delete the object and declare a new one');
    }
  });

  const stalled: [string, object, string, string][] = [
    [
      'a reserved URI',
      custom('Resource', 'reserved', { project: 'shop', uri: 'shipyard.yaml', text: 'a' }),
      'ReservedUri',
      'choose another',
    ],
    [
      'a Stage beside spec.shipyard',
      custom('Stage', 'extra', { project: 'shop' }),
      'StageNotInShipyard',
      'declare stage extra there',
    ],
    [
      'a missing ConfigMap',
      custom('Resource', 'missing', { project: 'shop', uri: 'b', configMapRef: { name: 'nope', key: 'k' } }),
      'ReferenceMissing',
      'waiting for key k of ConfigMap default/nope',
    ],
  ];
  for (const [what, object, reason, sentence] of stalled) {
    it(`ends as Ready=False with a sentence: ${what}`, async () => {
      const { name } = (object as { metadata: { name: string } }).metadata;
      await world.apply([object]);
      await world.until(`${name} says ${reason}`, (seen) =>
        readyMessage(seen.find(({ metadata }) => metadata.name === name)).startsWith(reason),
      );
      expect(readyMessage((await world.objects()).find(({ metadata }) => metadata.name === name))).to.include(sentence);
    });
  }

  it('of two objects that declare one file, lets the older be in effect and tells the younger', async () => {
    const spec = { project: 'shop', uri: 'shared.txt' };
    await world.apply([custom('Resource', 'older', { ...spec, text: 'older' })]);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await world.apply([custom('Resource', 'younger', { ...spec, text: 'younger' })]);
    await world.until('the younger says so', (seen) =>
      readyMessage(seen.find(({ metadata }) => metadata.name === 'younger')).includes(
        'Resource default/older declares the same',
      ),
    );
    await world.kubectl('delete', 'resources.keptn.sh', 'older', '--timeout=30s');
    await world.until(
      'the younger takes over',
      async () => (await world.git('shop', 'show', 'master:shared.txt')) === 'younger',
    );
  });

  it('reads a ConfigMap and a Secret that a Resource refers to', async () => {
    await world.apply([
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'files' }, data: { k: 'from a map' } },
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'hidden' }, stringData: { k: 'from a secret' } },
      custom('Resource', 'from-map', { project: 'shop', uri: 'map.txt', configMapRef: { name: 'files', key: 'k' } }),
      custom('Resource', 'from-secret', {
        project: 'shop',
        uri: 'secret.txt',
        secretRef: { name: 'hidden', key: 'k' },
      }),
    ]);
    await world.until('both are Ready', (seen) =>
      seen.filter(({ metadata }) => metadata.name.startsWith('from-')).every(isReady),
    );
    expect(await world.git('shop', 'show', 'master:map.txt')).to.equal('from a map');
    expect(await world.git('shop', 'show', 'master:secret.txt')).to.equal('from a secret');
  });

  it('changes nothing in Git that was not declared', async () => {
    const files = (await world.git('shop', 'ls-tree', '-r', '--name-only', 'master')).trim().split('\n');
    expect(files).to.have.members(['metadata.yaml', 'shipyard.yaml', 'a.txt', 'shared.txt', 'map.txt', 'secret.txt']);
  });

  it('tells a person what happened in kubectl describe', async () => {
    await world.until('the events are there', async () => {
      const text = await world.kubectl('describe', 'resources.keptn.sh', 'younger');
      return text.includes('Conflict') && text.includes('Reconciled');
    });
  });
});
