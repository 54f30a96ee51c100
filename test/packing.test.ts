/** What git has packed is read as git reads it, also while it repacks; and loose objects are packed in the background. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { ObjectFiles } from '../lib/git/objects/object-files.ts';
import { createCaches } from '../lib/git/objects/snapshots.ts';
import { createObjectGit } from '../lib/git/objects/store.ts';
import type { GitStore } from '../lib/git/port.ts';
import { createLog } from '../lib/observe/log.ts';

const run = promisify(execFile);
const log = createLog('packing-test', 'silent');
const author = { name: 'a', email: 'a@example.com' };
/** Long enough to be stored as differences. */
const lines = (changed: number): string =>
  Array.from({ length: 5000 }, (_, at) => `line ${at} ${at === changed ? 'is new' : ''}`).join('\n');

describe('packed objects', () => {
  let directory: string;
  let store: GitStore;
  const repository = (): string => join(directory, 'p1.git');
  const git = async (...args: string[]): Promise<string> =>
    (await run('git', ['-C', repository(), ...args], { maxBuffer: 1 << 28 })).stdout;
  const write = (path: string, content: string) =>
    store.commit('p1', {
      branch: 'master',
      changes: [{ path, content: Buffer.from(content) }],
      message: `changes ${path}`,
      author,
    });
  const read = async (path: string, version = 'master'): Promise<string> =>
    Buffer.from((await store.read('p1', version, path)) ?? []).toString();
  const packs = async (): Promise<string[]> =>
    (await readdir(join(repository(), 'objects/pack'))).filter((name) => name.endsWith('.pack'));
  const loose = async (): Promise<number> => Number(/count: (\d+)/.exec(await git('count-objects', '-v'))?.[1]);

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keptn-packing-'));
    store = await createObjectGit({ directory, durable: false, log });
    await store.create('p1', { changes: [{ path: 'a', content: Buffer.from('1') }], message: 'first', author });
  });
  afterEach(async () => {
    await store.close();
    await rm(directory, { recursive: true, force: true });
  });

  const layouts: [string, string[], string[]][] = [
    ['as differences to what is before them', ['-c', 'repack.useDeltaBaseOffset=true'], []],
    ['as differences to objects that are named', ['-c', 'repack.useDeltaBaseOffset=false'], []],
    ['with an index for very large packs', [], ['index-pack', '--index-version=2,0x40']],
  ];
  for (const [how, options, index] of layouts) {
    it(`are read as git reads them, ${how}`, async () => {
      for (let serial = 0; serial < 60; serial += 1) {
        await write('svc/long.txt', lines(serial * 7));
        await write(`svc/${serial}.yaml`, `serial: ${serial}\n`);
      }
      await git(...options, 'repack', '-adfq', '--depth=50');
      const [pack = ''] = await packs();
      if (index.length > 0) await git(...index, `objects/pack/${pack}`);
      expect(await git('verify-pack', '-v', `objects/pack/${pack}`)).to.match(/chain length = \d\d: /);
      const objects = new ObjectFiles(repository(), createCaches().packs);
      const all = await git('cat-file', '--batch-all-objects', '--batch-check=%(objectname) %(objecttype)');
      const ids = all.trim().split('\n');
      expect(ids.length).to.be.greaterThan(300);
      for (const line of ids) {
        const [id = '', type = ''] = line.split(' ');
        const found = await objects.read(id);
        const { stdout } = await run('git', ['-C', repository(), 'cat-file', type, id], { encoding: 'buffer' });
        expect([found?.type, found?.content.equals(stdout)]).to.deep.equal([type, true]);
      }
      expect(await objects.read('0123456789012345678901234567890123456789')).to.equal(undefined);
      objects.close();
    });
  }

  it('are found while git repacks again and again', async () => {
    const versions: string[] = [];
    for (let n = 0; n < 30; n += 1) versions.push((await write(`f${n % 3}`, `${n}`)).commit);
    await store.close();
    // Nothing is in the caches.
    store = await createObjectGit({ directory, durable: false, log });
    let repacking = true;
    const repacks = (async () => {
      for (let n = 0; n < 12; n += 1) {
        await write('x', `${n}`);
        await git('repack', n % 3 === 0 ? '-adfq' : '-dq');
      }
    })().finally(() => (repacking = false));
    let reads = 0;
    while (repacking) {
      const n = reads++ % 30;
      expect(await read(`f${n % 3}`, versions[n])).to.equal(`${n}`);
      if (reads % 30 === 0) await sleep(1);
    }
    await repacks;
    expect(reads).to.be.greaterThan(30);
  });

  it('are made in the background, while writers and readers go on', async () => {
    let slowest = 0;
    const versions: string[] = [];
    const writer = async (name: string): Promise<void> => {
      for (let n = 0; n < 600; n += 1) {
        const began = performance.now();
        versions.push((await write(`${name}/f`, `${n}`)).commit);
        slowest = Math.max(slowest, performance.now() - began);
      }
    };
    await Promise.all(['a1', 'a2', 'a3', 'a4'].map(writer));
    const deadline = Date.now() + 20_000;
    while ((await packs()).length === 0) {
      if (Date.now() > deadline) throw new Error('nothing was packed');
      await sleep(50);
    }
    expect(slowest).to.be.lessThan(2000);
    expect(await read('a1/f', versions[0])).to.equal('0');
    expect(await read('a1/f')).to.equal('599');
    // A fsck stumbles over files that packing takes away while it looks.
    await store.close();
    await git('fsck', '--strict', '--full');
    expect((await git('rev-list', '--count', 'master')).trim()).to.equal('2401');
    const last = await loose();
    expect(last).to.be.lessThan(2400 * 4);
  });

  it('do not come back when the repository is removed while they are made', async () => {
    await Promise.all(
      ['b1', 'b2', 'b3', 'b4'].map(async (name) => {
        for (let n = 0; n < 450; n += 1) await write(`${name}/f`, `${n}`);
      }),
    );
    const began = performance.now();
    expect(await store.remove('p1')).to.equal(true);
    expect(performance.now() - began).to.be.lessThan(2000);
    await sleep(1000);
    expect((await readdir(directory)).filter((name) => name.startsWith('p1'))).to.deep.equal([]);
  });
});
