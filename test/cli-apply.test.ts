/** `keptn apply`: what YAML declares, made and changed as kubectl does it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { stringify } from 'yaml';
import { commandLine } from './launch/keptn.ts';
import { startStandalone, type Standalone } from './launch/standalone.ts';
import { custom } from './launch/world.ts';

describe('keptn apply', () => {
  let instance: Standalone;
  let folder: string;
  before(async () => {
    instance = await startStandalone();
    folder = await mkdtemp(join(tmpdir(), 'keptn-cli-apply-'));
  });
  after(async () => {
    await instance.stop();
    await rm(folder, { recursive: true });
  });
  const { keptn, start } = commandLine(() => ({ KEPTN_ENDPOINT: instance.url, KEPTN_API_TOKEN: instance.token }));

  const file = async (name: string, ...objects: object[]): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, objects.map((object) => stringify(object)).join('---\n'));
    return path;
  };
  const project = (name: string, spec: object = {}) =>
    custom('Project', name, {
      shipyard: { stages: [{ name: 'dev', deployment_strategy: 'direct' }] },
      ...spec,
    });
  const resource = (name: string, text: string) =>
    custom('Resource', `shop-${name}`, { project: 'shop', uri: `${name}.txt`, text });

  it('makes what is declared in whatever order, waits until it is in Git, and changes what differs', async () => {
    const path = await file('shop.yaml', resource('a', 'one'), resource('b', 'one'), project('shop'));
    const made = await keptn('apply', '-f', path);
    expect([made.code, made.out], made.err).to.deep.equal([
      0,
      [
        'KIND       NAME     OUTCOME',
        'Project    shop     created',
        'Resource   shop-a   created',
        'Resource   shop-b   created\n',
      ].join('\n'),
    ]);
    expect((await keptn('get', 'resources', '-p', 'shop')).out)
      .to.include('/a.txt')
      .and.include('/b.txt');
    await file('shop.yaml', project('shop'), resource('a', 'two'), resource('b', 'one'));
    const { out } = await keptn('apply', '-f', path, '-o', 'json');
    expect((JSON.parse(out) as { outcome: string }[]).map(({ outcome }) => outcome)).to.deep.equal([
      'unchanged',
      'configured',
      'unchanged',
    ]);
    const { json } = await instance.ask('GET /v1/project/shop/resource/a.txt');
    expect(json).to.include({ resourceContent: Buffer.from('two').toString('base64') });
  });

  it('takes a folder, and what comes in', async () => {
    const { code, out, err } = await start(['apply', '-f', '-'], stringify(project('piped'))).ended;
    expect([code, out.includes('piped')], err).to.deep.equal([0, true]);
    expect((await keptn('apply', '-f', folder)).out).to.match(/^Resource +shop-b +unchanged$/m);
  });

  it('refuses what the rules forbid, names the field, and applies the rest', async () => {
    const path = await file('wrong.yaml', project('fine'), custom('Service', 'fine-a', { project: 'fine', naem: 'a' }));
    const { code, err } = await keptn('apply', '-f', path);
    expect(err).to.match(/^Service fine-a \(.*wrong\.yaml, document 2\): .*unknown field spec\.naem$/m);
    expect(err)
      .to.match(/^Project fine created$/m)
      .and.match(/^Error: 1 of 2 are refused: Service fine-a$/m);
    expect(code).to.equal(1);
    await rm(path);
  });

  it('says where an object is declared that is not its to change', async () => {
    const path = await file('declared.yaml', project('hello'));
    expect((await keptn('apply', '-f', path)).err).to.match(
      /Project default\/hello is declared in \S+: change it there/,
    );
    await file('declared.yaml', custom('Stage', 'shop-dev', { project: 'shop', name: 'dev', order: 7 }));
    expect((await keptn('apply', '-f', path)).err).to.include('Project shop makes it; declare it there');
    const elsewhere = { ...project('other'), metadata: { name: 'other', namespace: 'elsewhere' } };
    await file('declared.yaml', elsewhere);
    expect((await keptn('apply', '-f', path)).err).to.include('metadata.namespace: elsewhere is not default');
    await rm(path);
  });

  it('says before it sends anything what is no object of its kinds', async () => {
    const path = join(folder, 'strange.yaml');
    for (const [text, message] of [
      ['a: [', 'is no YAML'],
      ['a: b', 'needs apiVersion, kind and metadata.name'],
      [stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }), 'kubectl apply takes it'],
      ['', 'declares nothing'],
    ] as const) {
      await writeFile(path, text);
      const { code, err } = await keptn('apply', '-f', path);
      expect([code, err.includes(message)], err).to.deep.equal([2, true]);
    }
    expect((await keptn('apply', '-f', '/nowhere')).err).to.include('--file: /nowhere: there is no such file');
    await rm(path);
  });

  it('ends with the reason where an object waits for a person, and with 5 where it takes too long', async () => {
    const lost = custom('Resource', 'lost', { project: 'nowhere', uri: 'a.txt', text: 'a' });
    const late = await keptn('apply', '-f', await file('lost.yaml', lost), '--timeout', '1');
    expect(late.err).to.match(/^Error: not Ready within 1 s: Resource lost: .*nowhere/m);
    expect(late.code).to.equal(5);
    expect((await keptn('apply', '-f', join(folder, 'lost.yaml'), '--no-wait')).code).to.equal(0);
  });
});
