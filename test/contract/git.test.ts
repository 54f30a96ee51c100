/** The Git port's contract on its adapter, and what is the adapter's own: power failures and a folder of one process. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { gitContract } from '../../lib/git/contract.ts';
import { refused, runAndKill, writerSource } from '../../lib/git/contract-parts.ts';
import { createObjectGit } from '../../lib/git/objects/store.ts';
import { createLog } from '../../lib/observe/log.ts';

const run = promisify(execFile);
const log = createLog('git-test', 'silent');
const author = { name: 'a', email: 'a@example.com' };
const module = (path: string): string => JSON.stringify(pathToFileURL(join(import.meta.dirname, '../..', path)).href);

const openSource = (durable: boolean): string => `async (directory) => {
  const { createObjectGit } = await import(${module('lib/git/objects/store.ts')});
  const { createLog } = await import(${module('lib/observe/log.ts')});
  return createObjectGit({ directory, durable: ${durable}, log: createLog('writer', 'silent') });
}`;

for (const durable of [true, false]) {
  gitContract(`loose objects, ${durable ? 'durable' : 'without fsync'}`, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'keptn-git-'));
    let store = await createObjectGit({ directory, durable, log });
    const reopen = async () => {
      await store.close();
      return (store = await createObjectGit({ directory, durable, log }));
    };
    return { store, directory, reopen, openSource: openSource(durable) };
  });
}

describe('the folder of Git repositories', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keptn-git-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  /** Repository `killed` with three branches, after a writer was killed; what it had been told. */
  const killedWriter = async (): Promise<string[]> => {
    const store = await createObjectGit({ directory, log });
    await store.create('killed', { changes: [{ path: 'a', content: Buffer.from('') }], message: 'first', author });
    for (const branch of ['dev', 'prod']) await store.createBranch('killed', branch, 'master');
    await store.close();
    return runAndKill(writerSource(openSource(true), directory), 200, 'commit');
  };

  it('has every acknowledged commit after a power failure that emptied all files without fsync', async () => {
    const acknowledged = await killedWriter();
    const repository = join(directory, 'killed.git');
    const journal = join(repository, 'keptn-journal');
    // The machine was started anew: the journal's files name another run of it.
    for (const file of await readdir(journal)) {
      await rename(join(journal, file), join(journal, file.replace(/\..*\./, '.another-boot.')));
    }
    const kept = (await run('git', ['-C', repository, 'rev-list', '--objects', '--no-object-names', 'master^{/first}']))
      .stdout;
    for (const fan of await readdir(join(repository, 'objects'))) {
      if (fan.length !== 2) continue;
      for (const rest of await readdir(join(repository, 'objects', fan))) {
        if (!kept.includes(fan + rest)) await truncate(join(repository, 'objects', fan, rest));
      }
    }
    await truncate(join(repository, 'refs/heads/dev'));
    const store = await createObjectGit({ directory, log });
    await run('git', ['-C', repository, 'fsck', '--strict', '--full']);
    const history = (await run('git', ['-C', repository, 'log', '--format=%H %s', '--all'], { maxBuffer: 1 << 26 }))
      .stdout;
    expect(acknowledged.length).to.be.greaterThan(10);
    for (const line of acknowledged) expect(history).to.include(line.slice(line.indexOf(' ') + 1));
    await store.close();
    expect(await readdir(journal)).to.deep.equal([]);
  });

  it('ends the journal at a record that is not whole', async () => {
    const acknowledged = await killedWriter();
    const journal = join(directory, 'killed.git', 'keptn-journal');
    const [file = ''] = await readdir(journal);
    await writeFile(join(journal, file), Buffer.concat([await readFile(join(journal, file)), Buffer.alloc(50, 7)]));
    const store = await createObjectGit({ directory, log });
    const last = acknowledged.at(-1)?.split(' ')[1] ?? '';
    expect((await store.log('killed', last, { limit: 1 })).entries).to.have.length(1);
    await store.close();
  });

  it('does without a repository whose journal is damaged, and says so', async () => {
    await killedWriter();
    await (async () => {
      const store = await createObjectGit({ directory, log });
      await store.create('other', { changes: [{ path: 'a', content: Buffer.from('') }], message: 'first', author });
      await store.close();
    })();
    const journal = join(directory, 'killed.git', 'keptn-journal');
    await mkdir(join(journal, '00000099.x.journal'));
    const store = await createObjectGit({ directory, log });
    await refused(store.head('killed', 'master'), 'Unavailable');
    expect(await store.head('other', 'master')).to.match(/^[0-9a-f]{40}$/);
    await store.close();
  });

  it('refuses a second process, and takes over from a dead one', async () => {
    const store = await createObjectGit({ directory, log });
    const error = await createObjectGit({ directory, log }).catch((reason: unknown) => reason);
    expect(String(error)).to.include(`in use by process ${process.pid}`);
    await store.close();
    await writeFile(join(directory, '.keptn-lock'), '');
    await run('touch', ['-d', '1 minute ago', join(directory, '.keptn-lock')]);
    await (await createObjectGit({ directory, log })).close();
    await killedWriter();
    expect(await readdir(directory)).to.include('.keptn-lock');
    await (await createObjectGit({ directory, log })).close();
  });

  it('removes what a crash has left of a creation and a removal', async () => {
    for (const name of ['.tmp-create-1', '.tmp-remove-2'])
      await mkdir(join(directory, name, 'objects'), { recursive: true });
    const store = await createObjectGit({ directory, log });
    expect(await store.repositories()).to.deep.equal([]);
    expect(await readdir(directory)).to.deep.equal(['.keptn-lock']);
    await store.close();
  });

  it('begins a new journal file when one is full, and keeps none', async () => {
    const store = await createObjectGit({ directory, log });
    await store.create('p1', { changes: [{ path: 'a', content: Buffer.from('') }], message: 'first', author });
    const big = (at: number): Buffer => Buffer.alloc(3_000_000, at);
    for (let at = 1; at < 26; at += 1) {
      await store.commit('p1', {
        branch: 'master',
        changes: [{ path: 'big', content: big(at) }],
        message: `${at}`,
        author,
      });
    }
    const files = await readdir(join(directory, 'p1.git', 'keptn-journal'));
    expect(files.length).to.be.lessThan(3);
    expect(Number(files.at(-1)?.split('.')[0] ?? '2')).to.be.greaterThan(1);
    await store.close();
  });

  it('takes in what another program has pushed', async () => {
    const store = await createObjectGit({ directory, log });
    await store.create('p1', { changes: [{ path: 'a', content: Buffer.from('1') }], message: 'first', author });
    const clone = join(directory, '.clone');
    const git = (...args: string[]) =>
      run('git', ['-c', 'user.name=x', '-c', 'user.email=x@example.com', '-C', clone, ...args]);
    await run('git', ['clone', '-q', join(directory, 'p1.git'), clone]);
    await writeFile(join(clone, 'run.sh'), 'true', { mode: 0o755 });
    await git('add', '.');
    await git('commit', '-qm', 'pushed');
    await git('push', '-q');
    expect((await store.log('p1', 'master', { limit: 1 })).entries[0]?.message).to.equal('pushed\n');
    await store.commit('p1', {
      branch: 'master',
      changes: [{ path: 'run.sh', content: Buffer.from('false') }],
      message: 'ours',
      author,
    });
    await git('pull', '-q');
    expect((await git('ls-tree', 'HEAD', 'run.sh')).stdout).to.match(/^100755/);
    await store.close();
  });
});
