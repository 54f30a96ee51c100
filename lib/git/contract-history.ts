/** The part of the Git contract about versions: conditions on them, histories, comparisons, and what git brings. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { author, bytes, change, refused } from './contract-parts.ts';
import type { GitStore, LogPage } from './port.ts';

const run = promisify(execFile);

export interface OpenedRepository {
  store: GitStore;
  /** git in the repository `p1`, which has one commit on master. */
  git: (...args: string[]) => Promise<string>;
  folder: string;
}

export function historyContract(opened: () => OpenedRepository): void {
  const messages = ({ entries }: LogPage): string[] => entries.map(({ message }) => message.trim());

  /** A commit on top of another that a git program has made, with the files of a third. */
  async function foreignCommit(parent: string, like: string, message: string): Promise<string> {
    const { git } = opened();
    const identity = ['-c', 'user.name=Eve', '-c', 'user.email=eve@example.com'];
    return (await git(...identity, 'commit-tree', `${like}^{tree}`, '-p', parent, '-m', message)).trim();
  }

  it('lets one of many that expect the same content win', async () => {
    const { store } = opened();
    await store.commit('p1', change('master', 'a/b', '1'));
    const id = (await store.idOf('p1', 'master', 'a/b')) ?? '';
    const writers = await Promise.allSettled(
      [2, 3, 4].map((n) => store.commit('p1', { ...change('master', 'a/b', `${n}`), expected: [{ path: 'a/b', id }] })),
    );
    expect(writers.filter(({ status }) => status === 'fulfilled')).to.have.length(1);
    const stale = { ...change('master', 'a/b', '5'), expected: [{ path: 'a/b', id }] };
    await refused(store.commit('p1', stale), 'PreconditionFailed');
    const none = { ...change('master', 'a/b', '5'), expected: [{ path: 'a', id: null }] };
    await refused(store.commit('p1', none), 'PreconditionFailed');
    const some = { ...change('master', 'x', '1'), expected: [{ path: 'x', id: undefined }] };
    await refused(store.commit('p1', some), 'PreconditionFailed');
    const top = await store.idOf('p1', 'master', '');
    await store.commit('p1', { ...change('master', 'c', '1'), expected: [{ path: '', id: top ?? null }] });
    await refused(
      store.commit('p1', { ...change('master', 'd', '1'), expected: [{ path: '', id: top ?? null }] }),
      'PreconditionFailed',
    );
  });

  it('names what is at a path by the id that git gives it', async () => {
    const { store, git } = opened();
    const { commit } = await store.commit('p1', change('master', 'a/b', '1'));
    for (const path of ['a/b', 'a', '']) {
      expect(await store.idOf('p1', 'master', path)).to.equal((await git('rev-parse', `${commit}:${path}`)).trim());
    }
    expect(await store.idOf('p1', 'master', 'a/c')).to.equal(undefined);
  });

  it('tells the history of a file and of a folder in pages', async () => {
    const { store } = opened();
    for (let n = 1; n <= 3; n += 1) {
      await store.commit('p1', change('master', 'a/b', `${n}`, `b${n}`));
      await store.commit('p1', change('master', 'a/c', `${n}`, `c${n}`));
    }
    await store.commit('p1', change('master', 'a/b', null, 'b is gone'));
    const first = await store.log('p1', 'master', { limit: 3, path: 'a/b' });
    expect(messages(first)).to.deep.equal(['b is gone', 'b3', 'b2']);
    const second = await store.log('p1', 'master', { limit: 3, path: 'a/b', after: first.next });
    expect(messages(second)).to.deep.equal(['b1']);
    expect(second.next).to.equal(undefined);
    expect(messages(await store.log('p1', 'master', { limit: 50, path: 'a' }))).to.have.length(7);
    expect((await store.log('p1', 'master', { limit: 50, path: 'x' })).entries).to.deep.equal([]);
    await refused(store.log('p1', 'master', { limit: 3, after: '--help' }), 'InvalidField');
  });

  it('says which files two branches do not have in common', async () => {
    const { store } = opened();
    await store.commit('p1', change('master', 'same/x', '1'));
    await store.commit('p1', change('master', 'svc/changed', '1'));
    await store.commit('p1', change('master', 'svc/removed', '1'));
    await store.createBranch('p1', 'dev', 'master');
    await store.commit('p1', change('dev', 'svc/changed', '2'));
    await store.commit('p1', change('dev', 'svc/removed', null));
    await store.commit('p1', change('dev', 'other/added', '1'));
    const found = await store.diff('p1', 'master', 'dev');
    expect(found.map(({ path, from, to }) => [path, from !== null, to !== null])).to.deep.equal([
      ['other/added', false, true],
      ['svc/changed', true, true],
      ['svc/removed', true, false],
    ]);
    expect((await store.diff('p1', 'master', 'dev', 'svc')).map(({ path }) => path)).to.deep.equal([
      'svc/changed',
      'svc/removed',
    ]);
    expect(await store.diff('p1', 'dev', 'dev')).to.deep.equal([]);
    await refused(store.diff('p1', 'master', 'nope'), 'NotFound');
  });

  it('moves a branch to a commit that git has brought, and makes one there', async () => {
    const { store } = opened();
    const first = await store.head('p1', 'master');
    const { commit } = await store.commit('p1', change('master', 'a', '1'));
    const foreign = await foreignCommit(commit, first, 'foreign');
    await refused(store.moveBranch('p1', 'master', first, foreign), 'HeadMoved');
    await refused(store.moveBranch('p1', 'master', commit, '1'.repeat(40)), 'NotFound');
    await store.moveBranch('p1', 'master', commit, foreign);
    expect(await store.createBranch('p1', 'dev', commit)).to.equal(commit);
    expect((await store.tree('p1', 'master')).map(({ path }) => path)).to.deep.equal(['metadata.yaml']);
  });

  it('makes a merge, with both histories and the commit that it was made of', async () => {
    const { store, git } = opened();
    const base = await store.head('p1', 'master');
    const { commit: ours } = await store.commit('p1', change('master', 'ours', '1', 'ours'));
    const theirs = await foreignCommit(base, base, 'theirs');
    const merge = { ...change('master', 'theirs', '1', 'merged'), mergeOf: theirs, expectedHead: ours };
    const { commit } = await store.commit('p1', merge);
    expect((await git('log', '-1', '--format=%P', commit)).trim()).to.equal(`${ours} ${theirs}`);
    const all = await store.log('p1', 'master', { limit: 10 });
    expect([...messages(all)].sort()).to.deep.equal(['first', 'merged', 'ours', 'theirs']);
    const again = await foreignCommit(base, base, 'more');
    const { changed } = await store.commit('p1', { ...merge, changes: [], mergeOf: again, expectedHead: commit });
    expect(changed).to.equal(true);
    await git('fsck', '--strict', '--full');
  });

  it('takes a repository over from what git fills in, whole or not at all', async () => {
    const { store, folder } = opened();
    await store.commit('p1', change('master', 'a', '1'));
    const fetch = async (target: string): Promise<void> => {
      await run('git', ['-C', target, 'fetch', '-q', folder, '+refs/heads/*:refs/heads/*']);
    };
    await store.adopt('p2', fetch);
    expect(await store.head('p2', 'master')).to.equal(await store.head('p1', 'master'));
    await store.commit('p2', change('master', 'b', '1'));
    await refused(store.adopt('p2', fetch), 'AlreadyExists');
    const failure = await store
      .adopt('p3', () => Promise.reject(new Error('no such remote')))
      .catch((error: unknown) => String(error));
    expect(failure).to.include('no such remote');
    expect(await store.repositories()).to.deep.equal(['p1', 'p2']);
  });

  it('tells who listens of each repository that has moved', async () => {
    const { store } = opened();
    const seen: string[] = [];
    store.onMove((name) => seen.push(name));
    await store.commit('p1', change('master', 'a', '1'));
    expect(seen).to.deep.equal(['p1']);
    await store.commit('p1', change('master', 'a', '1'));
    await store.create('p2', { changes: [{ path: 'a', content: bytes('') }], message: 'm', author });
    expect(seen).to.deep.equal(['p1', 'p2']);
  });
}
