/** What a folder of files has and an API server has not: half-written files, editors, duplicates, kill -9. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { FINALIZER } from '../lib/model/kind.ts';
import type { Stored } from '../lib/model/object.ts';
import { createLog } from '../lib/observe/log.ts';
import type { Change, ResourceStore } from '../lib/resources/port.ts';
import { QUIET_MS, Scanner } from '../lib/resources/directory/scanner.ts';
import { createDirectoryStore } from '../lib/resources/directory/store.ts';

const log = createLog('directory-store-test', 'silent');
const module = (path: string): string => JSON.stringify(pathToFileURL(join(import.meta.dirname, '..', path)).href);

const resource = (name: string, text = 'a'): string =>
  `apiVersion: keptn.sh/v1alpha1\nkind: Resource\nmetadata:\n  name: ${name}\nspec:\n  project: shop\n  uri: ${name}.txt\n  text: ${text}\n`;

describe('a directory of manifests', () => {
  let folder: string;
  let manifests: string;
  let store: ResourceStore;
  let told: Change[];
  let problems: string[];
  let mended: string[];
  let notes: string[];

  const path = (file: string): string => join(manifests, file);
  const write = (file: string, text: string): Promise<void> => writeFile(path(file), text);
  const get = (name: string): Stored<'Resource'> | undefined =>
    store.objects.get('Resource', { namespace: 'default', name });
  const textOf = (name: string): string | undefined => get(name)?.spec.text;
  const until = async (what: string, test: () => boolean): Promise<void> => {
    for (const deadline = Date.now() + 5_000; !test(); await sleep(5))
      if (Date.now() > deadline) throw new Error(`not in time: ${what}\n${problems.join('\n')}`);
  };
  const open = async (): Promise<void> => {
    const say = ({ file, line, message }: { file: string; line?: number; message: string }): string =>
      `${file.slice(manifests.length + 1)}:${line ?? ''} ${message}`;
    store = createDirectoryStore({
      directory: manifests,
      stateDirectory: join(folder, 'state'),
      log,
      onProblem: (problem) => problems.push(say(problem)),
      onMended: (problem) => mended.push(say(problem)),
      onNote: ({ metadata }, { reason }) => notes.push(`${metadata.name} ${reason}`),
    });
    told = [];
    await store.follow((change) => told.push(change));
  };
  /** Longer than a deletion takes: what is still there now has not been taken for deleted. */
  const pause = (): Promise<void> => sleep(600);
  const deletions = (): string[] =>
    told
      .filter(({ deleted, object }) => deleted || object.metadata.deletionTimestamp)
      .map(({ object }) => object.metadata.name);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keptn-directory-'));
    manifests = join(folder, 'manifests');
    await mkdir(manifests);
    [problems, mended, notes] = [[], [], []];
  });
  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('reads every document of every YAML file in all folders, and nothing else', async () => {
    await mkdir(path('sub/deeper'), { recursive: true });
    await mkdir(path('.git'));
    await write('many.yaml', `# shop\n---\n${resource('a')}---\n${resource('b')}`);
    await write('sub/deeper/c.yml', resource('c'));
    const list = resource('d').replace(/^/gm, '    ').replace('    ', '  - ').trimEnd();
    await write('list.yaml', `apiVersion: v1\nkind: List\nitems:\n${list}\n`);
    for (const file of ['.git/x.yaml', '.x.yaml.swp', '.x.yaml', 'x.yaml~', '#x.yaml#', 'kustomization.yaml', 'x.txt'])
      await write(file, resource('x'));
    await write('values.yaml', 'replicas: 1\n');
    await write('deployment.yaml', 'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  generateName: x\n');
    await open();
    expect(store.objects.list('Resource').map(({ metadata }) => metadata.name)).to.have.members(['a', 'b', 'c', 'd']);
    expect(problems).to.be.empty;
  });

  it('follows editors that rename, new folders, moved files, and links', async () => {
    await write('a.yaml', resource('a'));
    await open();
    for (const text of ['b', 'c', 'd']) {
      await write('.a.yaml.swp', resource('a', text));
      await rename(path('.a.yaml.swp'), path('a.yaml'));
      await until(`text ${text}`, () => textOf('a') === text);
    }
    await mkdir(path('new/sub'), { recursive: true });
    await write('new/sub/b.yaml', resource('b'));
    await until('the new folder is read', () => textOf('b') === 'a');
    await write('new/sub/b.yaml', resource('b', 'b'));
    await until('the new folder is followed', () => textOf('b') === 'b');
    const { uid } = get('b')?.metadata ?? {};
    await rename(path('new'), path('moved'));
    await pause();
    await write('moved/sub/b.yaml', resource('b', 'c'));
    await until('the moved folder is followed', () => textOf('b') === 'c');
    expect(get('b')?.metadata).to.include({ uid, generation: 3 });
    // As Kubernetes mounts a ConfigMap.
    await mkdir(path('..data'));
    await write('..data/c.yaml', resource('c'));
    await symlink('..data/c.yaml', path('c.yaml'));
    await until('the link is read', () => textOf('c') === 'a');
    expect(deletions()).to.be.empty;
    await rm(path('moved'), { recursive: true });
    await until('b is deleted', () => get('b') === undefined);
  });

  it('does not take a file that is removed and made again for a deletion', async () => {
    await write('a.yaml', resource('a'));
    await open();
    const before = get('a');
    await rm(path('a.yaml'));
    await sleep(150);
    await write('a.yaml', resource('a'));
    await pause();
    expect(get('a')).to.equal(before);
    expect(deletions()).to.be.empty;
  });

  it('does not take a half-written file for a change or a deletion', async () => {
    const whole = `${resource('a', '"whole"')}---\n${resource('b')}`;
    await write('a.yaml', whole);
    await open();
    // Each step could be read as YAML: nothing, one object less, and a text cut short.
    for (const part of ['', resource('a'), resource('a').slice(0, -3)]) {
      await truncate(path('a.yaml'));
      await write('a.yaml', part);
      await sleep(10);
    }
    await write('a.yaml', whole);
    await pause();
    expect(told).to.have.length(2);
    expect(problems).to.be.empty;
  });

  it('reads a file only when it has been still for a moment, also by a clock that is ahead', async () => {
    await write('a.yaml', resource('a'));
    await open();
    const scanner = new Scanner(manifests);
    await write('a.yaml', resource('a', 'cut sho'));
    const ahead = Date.now() / 1000 + 60;
    await utimes(path('a.yaml'), ahead, ahead);
    expect(await scanner.scan()).to.deep.include({ manifests: [], unsettled: true });
    await sleep(QUIET_MS + 10);
    const { manifests: read, unsettled } = await scanner.scan();
    expect([read.length, unsettled]).to.deep.equal([1, false]);
    await write('a.yaml', '');
    await utimes(path('a.yaml'), ahead, ahead);
    expect(await scanner.scan()).to.deep.include({ manifests: read, unsettled: true });
  });

  it('keeps what a file declared while it is no YAML, says where, and again only after it was mended', async () => {
    await write('a.yaml', `${resource('a')}---\n${resource('b')}`);
    await open();
    const broken = `${resource('a', '[1')}`;
    await write('a.yaml', broken);
    await until('the problem is told', () => problems.length === 1);
    expect(problems[0]).to.match(/^a\.yaml:\d is no YAML: .*\(what it declared before stays in effect\)$/);
    await write('a.yaml', `# still\n${broken}`);
    await pause();
    expect([textOf('a'), textOf('b')]).to.deep.equal(['a', 'a']);
    expect(problems).to.have.length(1);
    await write('a.yaml', resource('a', 'mended'));
    await until('it is in effect', () => textOf('a') === 'mended' && get('b') === undefined);
    expect(mended).to.have.length(1);
    await write('a.yaml', broken);
    await until('the problem is told again', () => problems.length === 2);
  });

  it('deletes nothing of a file that was broken before a restart, but what another file had', async () => {
    await write('a.yaml', resource('a'));
    await write('b.yaml', resource('b'));
    await open();
    const { uid } = get('a')?.metadata ?? {};
    await rename(path('a.yaml'), path('c.yaml'));
    await pause();
    await store.close();
    await write('c.yaml', 'kind: [');
    await rm(path('b.yaml'));
    await open();
    expect(get('a')?.metadata.uid).to.equal(uid);
    expect(get('b')).to.be.undefined;
    await pause();
    await write('c.yaml', resource('a', 'b'));
    await until('a is followed', () => textOf('a') === 'b');
    expect(get('a')?.metadata).to.include({ uid, generation: 2 });
  });

  it('names file, line and field of what is wrong, and keeps what was in effect', async () => {
    await write('a.yaml', `${resource('a')}---\n${resource('b')}---\n${resource('c')}`);
    await open();
    const kept = 'is not in effect';
    const cases: [string, string, string][] = [
      ['  text: a', '  txet: a', `a.yaml:17 Resource b ${kept}: unknown field spec.txet`],
      [
        '  text: a',
        '  text: a\n  secretRef:\n    name: x',
        `a.yaml:18 Resource b ${kept}: spec.secretRef.key: is missing`,
      ],
      ['  uri: b.txt', '  uri: ../b', `a.yaml:16 Resource b ${kept}: spec.uri: must not have a segment`],
      ['  uri: b.txt', '  uri: other', `a.yaml:16 Resource b ${kept}: spec.uri cannot be changed`],
      ['  name: b', '  name: b\n  lables: {}', `a.yaml:14 Resource ${kept}: unknown field metadata.lables`],
      ['  name: b', '  nam: b', `a.yaml:12 Resource ${kept}: metadata.name: is missing`],
      ['  name: b', '  name: B_1', `a.yaml:13 Resource ${kept}: metadata.name: must be a DNS name`],
      ['kind: Resource', 'kind: Resuorce', `a.yaml:11 there is no Resuorce in keptn.sh/v1alpha1`],
    ];
    for (const [from, to, message] of cases) {
      problems = [];
      await write('a.yaml', `${resource('a')}---\n${resource('b').replace(from, to)}---\n${resource('c')}`);
      await until(message, () => problems.length > 0);
      expect(problems[0]).to.include(message);
      await sleep(350);
      expect(get('b')?.metadata.generation).to.equal(1);
    }
    expect(deletions()).to.be.empty;
  });

  it('of two documents for one object keeps the one in effect, and names both files', async () => {
    await write('m.yaml', resource('a', 'first'));
    await open();
    await write('a.yaml', resource('a', 'second'));
    await until('the problem is told', () => problems.length === 1);
    expect(problems[0]).to.equal(`a.yaml:1 Resource a is not in effect: it is declared in ${path('m.yaml')}:1 already`);
    expect(textOf('a')).to.equal('first');
    await store.close();
    await open();
    expect(textOf('a')).to.equal('first');
    await rm(path('m.yaml'));
    await until('the other is in effect', () => textOf('a') === 'second');
    expect(deletions()).to.be.empty;
    expect(get('a')?.metadata.generation).to.equal(2);
  });

  it('leaves an object alone that the operator has made, and says where it belongs', async () => {
    await write('a.yaml', 'apiVersion: keptn.sh/v1alpha1\nkind: Project\nmetadata:\n  name: shop\n');
    await open();
    const owner = store.objects.list('Project')[0];
    if (!owner) throw new Error('no project');
    const spec = { project: 'shop', order: 0, deploymentStrategy: 'direct', deletionPolicy: 'Delete' } as const;
    const metadata = { namespace: 'default', name: 'dev', owner };
    const made = await store.apply({ kind: 'Stage', metadata, spec: { ...spec, testStrategy: undefined } });
    await write(
      'b.yaml',
      'apiVersion: keptn.sh/v1alpha1\nkind: Stage\nmetadata:\n  name: dev\nspec:\n  project: shop\n',
    );
    await until('the problem is told', () => problems.length === 1);
    expect(problems[0]).to.include('Stage dev is not in effect: Project shop makes it; declare it there');
    await rm(path('b.yaml'));
    await pause();
    await store.close();
    await open();
    expect(store.objects.list('Stage').map(({ metadata }) => metadata)).to.deep.equal([made.metadata]);
    expect(await store.apply({ kind: 'Stage', metadata, spec })).to.equal(store.objects.list('Stage')[0]);
  });

  it('makes an object anew whose document is back while it is terminating, once it is gone', async () => {
    await write('a.yaml', resource('a'));
    await open();
    const first = get('a');
    if (!first) throw new Error('no object');
    await store.setFinalizers(first, [FINALIZER]);
    await rm(path('a.yaml'));
    await until('it is terminating', () => get('a')?.metadata.deletionTimestamp !== undefined);
    await write('a.yaml', resource('a', 'again'));
    await pause();
    const leaving = get('a');
    if (!leaving) throw new Error('gone too early');
    expect(leaving.spec.text).to.equal('a');
    await store.setFinalizers(leaving, []);
    await until('it is made anew', () => textOf('a') === 'again');
    expect(get('a')?.metadata).to.include({ generation: 1 });
    expect(get('a')?.metadata.uid).not.to.equal(first.metadata.uid);
  });

  it('refuses a ConfigMap or Secret that Kubernetes refuses, and goes on with its former values', async () => {
    const map = (value: string): string =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\ndata:\n  k: ${value}\n`;
    const read = async (): Promise<string> =>
      String(await store.readValue({ kind: 'ConfigMap', namespace: 'default', name: 'm', key: 'k' }));
    await write('a.yaml', map('text'));
    await open();
    await write('a.yaml', map('8080'));
    await until('the problem is told', () => problems.length === 1);
    expect(problems[0]).to.match(/^a\.yaml:6 ConfigMap m is not in effect: data\.k: /);
    expect(await read()).to.equal('text');
    await write('b.yaml', 'apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\ndata:\n  k: "%%"\n');
    await until('the other is told', () => problems.length === 2);
    expect(problems[1]).to.equal('b.yaml:6 Secret s is not in effect: data.k: is no base64');
  });

  it('waits for a folder that is away, deletes nothing while it is, and tells notes', async () => {
    await write('a.yaml', resource('a'));
    await open();
    await rename(manifests, join(folder, 'away'));
    await until('the problem is told', () => problems.length === 1);
    expect(store.health().synced).to.be.false;
    await store.close();
    const opening = open();
    await sleep(300);
    await rename(join(folder, 'away'), manifests);
    await opening;
    const object = get('a');
    if (!object) throw new Error('no object');
    expect(deletions()).to.be.empty;
    await store.note(object, { type: 'Normal', reason: 'Told', message: 'a note' });
    expect(notes).to.deep.equal(['a Told']);
  });

  it('takes names as long as Kubernetes allows, and keeps apart what looks alike', async () => {
    const long = Array.from({ length: 4 }, (_, at) => String(at).repeat(62)).join('.');
    await write('a.yaml', `${resource(`${long}a`)}---\n${resource(`${long}b`)}`);
    await open();
    expect(problems).to.be.empty;
    const uids = store.objects.list('Resource').map(({ metadata }) => metadata.uid);
    await store.close();
    await open();
    expect(store.objects.list('Resource').map(({ metadata }) => metadata.uid)).to.have.members(uids);
    expect(uids).to.have.length(2);
  });

  it('goes on from the same state after kill -9 at any moment', async () => {
    await write('a.yaml', [...Array(20).keys()].map((at) => resource(`r${at}`)).join('---\n'));
    const source = `
      const { createDirectoryStore } = await import(${module('lib/resources/directory/store.ts')});
      const { createLog } = await import(${module('lib/observe/log.ts')});
      const store = createDirectoryStore({ directory: ${JSON.stringify(manifests)}, stateDirectory: ${JSON.stringify(join(folder, 'state'))},
        log: createLog('killed', 'silent'), onProblem: () => undefined });
      await store.follow(() => undefined);
      await Promise.all(store.objects.list('Resource').map(async (object) => {
        let now = await store.setFinalizers(object, ['keptn.sh/finalizer']);
        for (let round = 1; ; round += 1) {
          now = await store.patchStatus(now, { commit: String(Number(now.status?.commit ?? 0) + 1) });
          process.stdout.write(now.metadata.name + ' ' + now.metadata.uid + ' ' + now.status.commit + '\\n');
        }
      }));`;
    const acknowledged = new Map<string, { uid: string; commit: number }>();
    for (let round = 0; round < 5; round += 1) {
      const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', source], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
      const closed = once(child, 'close');
      while (output === '' && child.exitCode === null) await sleep(2);
      await sleep(20 + Math.random() * 60);
      child.kill('SIGKILL');
      await closed;
      for (const line of output.split('\n').slice(0, -1)) {
        const [name = '', uid = '', commit] = line.split(' ');
        const known = acknowledged.get(name);
        expect(uid).to.equal(known?.uid ?? uid);
        expect(Number(commit)).to.be.greaterThan(known?.commit ?? 0);
        acknowledged.set(name, { uid, commit: Number(commit) });
      }
    }
    expect(acknowledged.size).to.be.greaterThan(0);
    await rm(path('a.yaml'));
    await open();
    expect(store.objects.list('Resource')).to.have.length(20);
    for (const { metadata, status } of store.objects.list('Resource')) {
      const known = acknowledged.get(metadata.name);
      expect(metadata).to.include({ generation: 1, uid: known?.uid ?? metadata.uid });
      // What was acknowledged is there; one more write may have been on its way.
      expect(Number(status?.commit)).to.be.within(known?.commit ?? 0, (known?.commit ?? 0) + 1);
      expect(metadata.deletionTimestamp, 'its document vanished while the process was down').to.be.a('string');
    }
    expect((await readdir(join(folder, 'state'))).filter((file) => file.endsWith('.tmp'))).to.be.empty;
  });

  it('loads 2,000 objects in 500 files in under 5 s, and again without a write', async () => {
    for (let file = 0; file < 500; file += 1)
      await write(`${file}.yaml`, [0, 1, 2, 3].map((at) => resource(`r${file}-${at}`)).join('---\n'));
    await sleep(60);
    const began = performance.now();
    await open();
    expect(performance.now() - began).to.be.lessThan(5_000);
    expect(store.objects.list('Resource')).to.have.length(2_000);
    const versions = store.objects.list('Resource').map(({ metadata }) => metadata.resourceVersion);
    await store.close();
    await open();
    expect(store.objects.list('Resource').map(({ metadata }) => metadata.resourceVersion)).to.have.members(versions);
  });
});
