/**
 * What every adapter of the Git port must do, as tests: byte for byte what the git program sees, and nothing lost or
 * half written when the process is killed.
 */
import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { historyContract } from './contract-history.ts';
import { author, bytes, change, packingEnds, refused, runAndKill, writerSource } from './contract-parts.ts';
import type { GitStore } from './port.ts';

export interface OpenedGit {
  store: GitStore;
  /** Folder of the bare repositories `<name>.git`. */
  directory: string;
  /** Closes the store, as a process does that ends, and opens the folder anew. */
  reopen(): Promise<GitStore>;
  /** Source of a function `open(directory): Promise<GitStore>`, for a process that is going to be killed. */
  openSource: string;
}

const run = promisify(execFile);
const KILLS = 20;
export function gitContract(name: string, open: () => Promise<OpenedGit>): void {
  describe(`Git in ${name}`, () => {
    let opened: OpenedGit;
    let store: GitStore;
    const git = async (...args: string[]): Promise<string> =>
      (await run('git', ['-C', join(opened.directory, 'p1.git'), ...args], { maxBuffer: 1 << 26 })).stdout;
    const messages = async (branch: string): Promise<string[]> =>
      (await git('log', '--reverse', '--format=%s', branch)).trim().split('\n');

    beforeEach(async () => {
      opened = await open();
      store = opened.store;
      await store.create('p1', {
        changes: [{ path: 'metadata.yaml', content: bytes('x: 1\n') }],
        message: 'first',
        author,
      });
    });
    afterEach(async () => {
      await store.close();
      await rm(opened.directory, { recursive: true, force: true });
    });

    it('gives a clone byte for byte what was written', async () => {
      const everyByte = Uint8Array.from({ length: 70_000 }, (_, at) => (at * 7) % 256);
      await store.createBranch('p1', 'dev', 'master');
      await store.commit('p1', {
        ...change('dev', 'a b/ü.yaml', 'ü\r\n'),
        changes: [
          { path: 'a b/ü.yaml', content: bytes('ü\r\n') },
          { path: 'binary', content: everyByte },
          { path: 'empty', content: bytes('') },
          ...['x', 'x.y', 'x-y'].map((each) => ({ path: `${each}/file`, content: bytes(each) })),
        ],
      });
      const clone = await mkdtemp(join(tmpdir(), 'keptn-clone-'));
      await run('git', ['clone', '-q', '-b', 'dev', join(opened.directory, 'p1.git'), clone]);
      expect(await readFile(join(clone, 'a b/ü.yaml'), 'utf8')).to.equal('ü\r\n');
      expect(Buffer.compare(await readFile(join(clone, 'binary')), everyByte)).to.equal(0);
      expect((await readdir(clone)).sort()).to.deep.equal([
        '.git',
        'a b',
        'binary',
        'empty',
        'metadata.yaml',
        'x',
        'x-y',
        'x.y',
      ]);
      await rm(clone, { recursive: true });
      await git('fsck', '--strict', '--full');
    });

    it('has author, message and trailers in the commit', async () => {
      const { commit } = await store.commit('p1', change('master', 'a', '1', 'Added\n\nKeptn-Context: 42'));
      expect(
        await git('log', '-1', '--format=%an <%ae>|%s|%(trailers:key=Keptn-Context,valueonly)', commit),
      ).to.include('Ada Lovelace <ada@example.com>|Added|42');
      const [entry] = (await store.log('p1', 'master', { limit: 1 })).entries;
      expect(entry).to.include({ commit, message: 'Added\n\nKeptn-Context: 42\n' });
    });

    it('makes no commit when nothing changes', async () => {
      const { commit } = await store.commit('p1', change('master', 'a/b', '1'));
      expect(await store.commit('p1', change('master', 'a/b', '1'))).to.deep.equal({ commit, changed: false });
      expect(await store.commit('p1', change('master', 'nothing/there', null))).to.deep.equal({
        commit,
        changed: false,
      });
      expect(await messages('master')).to.have.length(2);
    });

    it('removes files and folders, and fills a folder anew in one commit', async () => {
      const two = [1, 2].map((n) => ({ path: `a/b/${n}`, content: bytes(`${n}`) }));
      await store.commit('p1', { ...change('master', '', ''), changes: two });
      await store.commit('p1', {
        ...change('master', '', ''),
        changes: [
          { path: 'a', content: null },
          { path: 'a/b/3', content: bytes('3') },
        ],
      });
      expect((await store.tree('p1', 'master', 'a')).map(({ path }) => path)).to.deep.equal(['a/b/3']);
      await store.commit('p1', change('master', 'a/b/3', null));
      expect((await store.tree('p1', 'master')).map(({ path }) => path)).to.deep.equal(['metadata.yaml']);
      expect(await git('ls-tree', '-r', '--name-only', 'master')).to.equal('metadata.yaml\n');
    });

    it('refuses a file where a folder is, and the other way round', async () => {
      await store.commit('p1', change('master', 'a/b', '1'));
      await refused(store.commit('p1', change('master', 'a', '1')), 'InvalidField');
      await refused(store.commit('p1', change('master', 'a/b/c', '1')), 'InvalidField');
    });

    it('refuses a commit whose conditions do not hold', async () => {
      const first = await store.head('p1', 'master');
      await store.commit('p1', change('master', 'a', '1'));
      await refused(store.commit('p1', { ...change('master', 'a', '2'), expectedHead: first }), 'HeadMoved');
      await refused(store.commit('p1', { ...change('master', 'a', '2'), absent: ['a'] }), 'AlreadyExists');
      await refused(store.commit('p1', { ...change('master', 'a', '2'), present: ['b'] }), 'NotFound');
      expect(Buffer.from((await store.read('p1', 'master', 'a')) ?? []).toString()).to.equal('1');
    });

    it('gives each of many writers of one branch a commit, in order', async () => {
      const writers = Array.from({ length: 60 }, (_, at) =>
        store.commit('p1', change('master', `f${at % 7}`, `${at}`, `w${at}`)),
      );
      const commits = (await Promise.all(writers)).map(({ commit }) => commit);
      expect(new Set(commits).size).to.equal(60);
      expect(await messages('master')).to.deep.equal(['first', ...commits.map((_, at) => `w${at}`)]);
      for (const [at, commit] of commits.entries()) {
        expect(Buffer.from((await store.read('p1', commit, `f${at % 7}`)) ?? []).toString()).to.equal(`${at}`);
      }
      await git('fsck', '--strict', '--full');
    });

    it('lets one of many that expect the same head win', async () => {
      const expectedHead = await store.head('p1', 'master');
      const all = await Promise.allSettled(
        [1, 2, 3, 4, 5].map((n) => store.commit('p1', { ...change('master', 'a', `${n}`), expectedHead })),
      );
      expect(all.filter(({ status }) => status === 'fulfilled')).to.have.length(1);
    });

    it('goes on reading while others write', async () => {
      const { commit: first } = await store.commit('p1', change('master', 'a', '1'));
      let writing = true;
      const writers = Promise.all(
        Array.from({ length: 200 }, (_, at) => store.commit('p1', change('master', 'a', `${at}`))),
      ).finally(() => (writing = false));
      let reads = 0;
      while (writing) {
        const now = Buffer.from((await store.read('p1', 'master', 'a')) ?? []).toString();
        expect(now).to.match(/^\d+$/);
        expect(Buffer.from((await store.read('p1', first, 'a')) ?? []).toString()).to.equal('1');
        reads += 1;
        await sleep(0);
      }
      await writers;
      expect(reads).to.be.greaterThan(3);
    });

    it('makes, lists and removes branches and repositories', async () => {
      const head = await store.head('p1', 'master');
      expect(await store.createBranch('p1', 'dev', 'master')).to.equal(head);
      await refused(store.createBranch('p1', 'dev', 'master'), 'AlreadyExists');
      await refused(store.createBranch('p1', 'x', 'nope'), 'NotFound');
      expect(await store.branches('p1')).to.deep.equal(['dev', 'master']);
      expect(await store.removeBranch('p1', 'dev')).to.equal(true);
      expect(await store.removeBranch('p1', 'dev')).to.equal(false);
      await refused(
        store.create('p1', { changes: [{ path: 'a', content: bytes('') }], message: 'm', author }),
        'AlreadyExists',
      );
      expect(await store.repositories()).to.deep.equal(['p1']);
      expect(await Promise.all([store.remove('p1'), store.remove('p1')])).to.deep.equal([true, false]);
      expect(await store.exists('p1')).to.equal(false);
      await refused(store.head('p1', 'master'), 'NotFound');
      await refused(store.commit('p1', change('master', 'a', '1')), 'NotFound');
    });

    it('keeps to its folder whatever the names are', async () => {
      const first = { changes: [{ path: 'a', content: bytes('') }], message: 'm', author };
      for (const evil of ['../evil', '/tmp/evil', '.', '', 'a/b', 'UPPER', 'x'.repeat(64)]) {
        await refused(store.create(evil, first), 'InvalidField');
        await refused(store.createBranch('p1', evil, 'master'), 'InvalidField');
        await refused(store.commit('p1', change(evil, 'a', '1')), 'InvalidField');
      }
      expect((await readdir(opened.directory)).filter((each) => !each.startsWith('.'))).to.deep.equal(['p1.git']);
    });

    it('has everything when it is opened again', async () => {
      await store.createBranch('p1', 'dev', 'master');
      const { commit } = await store.commit('p1', change('dev', 'a', '1'));
      await store.createBranch('p1', 'gone', 'dev');
      await store.removeBranch('p1', 'gone');
      store = await opened.reopen();
      expect(await store.branches('p1')).to.deep.equal(['dev', 'master']);
      expect(await store.head('p1', 'dev')).to.equal(commit);
    });

    it('goes on after git gc, also while it is running', async () => {
      await store.createBranch('p1', 'dev', 'master');
      for (let at = 0; at < 30; at += 1) await store.commit('p1', change('dev', `s${at % 3}/f`, `${at}`, `w${at}`));
      await Promise.all([
        git('gc', '-q', '--prune=now').then(() => git('gc', '-q')),
        ...Array.from({ length: 20 }, (_, at) => store.commit('p1', change('master', 'a', `${at}`))),
      ]);
      await git('gc', '-q');
      store = await opened.reopen();
      expect(await store.branches('p1')).to.deep.equal(['dev', 'master']);
      expect(Buffer.from((await store.read('p1', 'dev', 's2/f')) ?? []).toString()).to.equal('29');
      await store.commit('p1', change('dev', 's1/f', 'new', 'after gc'));
      expect(
        (await store.log('p1', 'dev', { limit: 100 })).entries.map(({ message }) => message.trim()),
      ).to.have.length(32);
      expect(await store.removeBranch('p1', 'dev')).to.equal(true);
      expect(await store.branches('p1')).to.deep.equal(['master']);
      await git('fsck', '--strict', '--full');
    });

    historyContract(() => ({ store, git, folder: join(opened.directory, 'p1.git') }));

    it(`loses nothing and leaves no half commit when it is killed ${KILLS} times`, async () => {
      await store.create('killed', { changes: [{ path: 'a', content: bytes('') }], message: 'first', author });
      for (const branch of ['dev', 'prod']) await store.createBranch('killed', branch, 'master');
      await store.close();
      const repository = join(opened.directory, 'killed.git');
      const source = writerSource(opened.openSource, opened.directory);
      const acknowledged: string[] = [];
      for (let kill = 0; kill < KILLS; kill += 1) {
        acknowledged.push(...(await runAndKill(source, randomInt(250), kill % 3 === 2 ? 'start' : 'commit')));
        await packingEnds(repository);
        await run('git', ['-C', repository, 'fsck', '--strict', '--full']);
      }
      store = await opened.reopen();
      await packingEnds(repository);
      await run('git', ['-C', repository, 'fsck', '--strict', '--full']);
      expect(acknowledged.length).to.be.greaterThan(KILLS);
      const history = new Map<string, string>();
      for (const branch of ['master', 'dev', 'prod']) {
        const { stdout } = await run('git', ['-C', repository, 'log', '--format=%H %s', branch], {
          maxBuffer: 1 << 26,
        });
        for (const line of stdout.trim().split('\n')) history.set(`${branch} ${line}`, line);
      }
      for (const line of acknowledged) expect(history.has(line), line).to.equal(true);
      const last = acknowledged.at(-1)?.split(' ') ?? [];
      expect(Buffer.from((await store.read('killed', last[1] ?? '', `all/${last[2]}`)) ?? []).toString()).to.equal(
        last[2],
      );
    });

    it('refuses everything once it is closed', async () => {
      await store.close();
      await refused(store.commit('p1', change('master', 'a', '1')), 'Unavailable');
      await refused(store.read('p1', 'master', 'a'), 'Unavailable');
    });
  });
}
