/** Projects that follow a repository elsewhere, over HTTP with a user and token. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { z } from 'zod';
import { startConfiguration, type Configuration } from './launch/configuration.ts';
import { startGitRemote, type GitRemote } from './launch/git-remote.ts';

const run = promisify(execFile);
const projectSchema = z.object({
  stages: z.array(z.object({ stageName: z.string() })),
  gitRemoteURI: z.string().optional(),
  gitUser: z.string().optional(),
  upstream: z
    .object({
      state: z.string(),
      code: z.string().optional(),
      message: z.string().optional(),
      unpushed: z.record(z.string(), z.int()),
    })
    .optional(),
});
type Project = z.infer<typeof projectSchema>;
const offline = '?disableUpstreamSync=true';

describe('a project with an upstream', () => {
  let service: Configuration;
  let remote: GitRemote;
  let url: string;

  beforeEach(async () => {
    remote = await startGitRemote();
    url = await remote.create('shop');
    service = await startConfiguration({ allowInsecure: true });
  });
  afterEach(async () => {
    await service.stop();
    await remote.stop();
  });

  const body = (): object => ({
    projectName: 'shop',
    gitRemoteURI: url,
    gitUser: remote.user,
    gitToken: remote.token,
  });
  const project = async (): Promise<Project> =>
    projectSchema.parse((await service.ask(`GET /project/shop${offline}`)).json);
  const message = ({ json }: { json: unknown }): string => String((json as { message?: unknown } | undefined)?.message);
  const put = (file: string, content: string, stage = 'dev') =>
    service.put(`/project/shop/stage/${stage}/resource/${encodeURIComponent(file)}`, content);
  const read = async (file: string, query = ''): Promise<string | undefined> => {
    const { json } = await service.ask(`GET /project/shop/stage/dev/resource/${encodeURIComponent(file)}${query}`);
    const content = (json as { resourceContent?: string }).resourceContent;
    return content === undefined ? undefined : Buffer.from(content, 'base64').toString();
  };
  const inGit = async (...args: string[]): Promise<string> =>
    (await run('git', ['-C', join(service.directory, 'config/shop.git'), ...args])).stdout;
  const until = async (what: string, test: () => Promise<boolean>, seconds = 15): Promise<void> => {
    const deadline = Date.now() + seconds * 1000;
    while (!(await test())) {
      if (Date.now() > deadline) throw new Error(`not in ${seconds} s: ${what}: ${JSON.stringify(await project())}`);
      await sleep(50);
    }
  };
  const isSynced = (): Promise<void> =>
    until('the upstream has everything', async () => {
      const { upstream } = await project();
      return upstream?.state === 'Synced' && Object.keys(upstream.unpushed).length === 0;
    });
  const state = (wanted: string): Promise<void> =>
    until(`state ${wanted}`, async () => (await project()).upstream?.state === wanted);
  /** Made, with the stage dev, everything pushed. */
  const create = async (): Promise<void> => {
    expect((await service.ask('POST /project', body())).status).to.equal(204);
    await service.ask('POST /project/shop/stage', { stageName: 'dev' });
    await isSynced();
  };

  it('begins in an empty one, which gets every commit', async () => {
    await create();
    const { json } = await put('a/b.yaml', 'a: 1');
    await isSynced();
    expect((await remote.git('shop', 'rev-parse', 'dev')).trim()).to.equal((json as { version: string }).version);
    expect(await remote.file('shop', 'dev', 'a/b.yaml')).to.equal('a: 1');
    expect(await remote.file('shop', 'master', 'metadata.yaml')).to.include('projectname: shop');
    expect(await project()).to.include({ gitRemoteURI: url, gitUser: remote.user });
  });

  it('begins with what is in a filled one: its branches are the stages', async () => {
    await remote.commit('shop', 'master', 'README.md', 'hello');
    await remote.commit('shop', 'prod', 'carts/metadata.yaml', 'servicename: carts');
    await remote.commit('shop', 'feature/x', 'no', 'stage');
    await service.ask('POST /project', body());
    expect((await project()).stages.map(({ stageName }) => stageName)).to.deep.equal(['prod']);
    expect((await service.ask('GET /project/shop/stage/prod/service/carts')).status).to.equal(200);
    expect((await service.ask('GET /project/shop/resource/README.md')).status).to.equal(200);
    await isSynced();
    expect(await remote.file('shop', 'master', 'metadata.yaml')).to.include('projectname: shop');
    await inGit('fsck', '--strict');
  });

  it('begins at the default branch where there is no master', async () => {
    await remote.git('shop', 'symbolic-ref', 'HEAD', 'refs/heads/main');
    await remote.commit('shop', 'main', 'README.md', 'hello');
    await service.ask('POST /project', body());
    expect((await project()).stages).to.deep.equal([]);
    expect((await service.ask('GET /project/shop/resource/README.md')).status).to.equal(200);
  });

  it('makes a stage of the branch that the upstream has', async () => {
    await create();
    const commit = await remote.commit('shop', 'qa', 'tests/plan.jmx', '<x/>');
    await service.ask('POST /project/shop/stage', { stageName: 'qa' });
    expect(await service.git.head('shop', 'qa')).to.equal(commit);
  });

  const unusable: [string, () => void | Promise<void>, RegExp][] = [
    ['whose token is wrong', () => void (remote.token += 'x'), /does not accept the user and token/],
    ['that is not there', () => void (url = url.replace('shop', 'nope')), /there is no such repository/],
    ['that is away', () => remote.goAway(), /does not answer: .*Failed to connect/],
    ['that redirects', () => void (remote.redirect = url.replace(/shop.*/, 'elsewhere')), /it redirects/],
  ];
  for (const [what, make, why] of unusable) {
    it(`is not made with one ${what}, and the answer says why`, async () => {
      const given = body();
      await make();
      const { status, json } = await service.ask('POST /project', { ...given, gitRemoteURI: url });
      expect(status).to.equal(400);
      expect(message({ json }))
        .to.match(/^Could not clone git repository/)
        .and.match(why);
      expect(await service.git.exists('shop')).to.equal(false);
      expect((await run('ls', [join(service.directory, 'credentials')])).stdout).to.equal('');
      expect(remote.redirected).to.deep.equal([]);
      if (what === 'that is away') await remote.comeBack();
    });
  }

  it('pushes many commits at once, and a slow upstream slows no writer', async () => {
    await create();
    const time = async (): Promise<number> => {
      const times: number[] = [];
      for (let n = 0; n < 30; n += 1) {
        const began = performance.now();
        await put('a', `${Math.random()}`);
        times.push(performance.now() - began);
      }
      return times.sort((a, b) => a - b)[15] ?? 0;
    };
    remote.delay = 1500;
    const slow = await time();
    expect(slow).to.be.lessThan(100);
    expect(remote.pushes).to.be.lessThan(6);
    remote.delay = 0;
    await isSynced();
    expect((await remote.git('shop', 'rev-list', '--count', 'dev')).trim()).to.equal('31');
    expect(remote.pushes).to.be.lessThan(10);
  });

  it('is written and read while the upstream is away, says so, and is pushed when it is back', async () => {
    await create();
    await remote.goAway();
    for (let n = 0; n < 5; n += 1) expect((await put(`f${n}`, '1')).status).to.equal(201);
    await state('Failed');
    expect((await project()).upstream).to.deep.include({ code: 'UpstreamAway', unpushed: { dev: 5 } });
    const answer = await service.ask('GET /project/shop/stage/dev/resource/f0');
    expect(answer.status).to.equal(200);
    expect(answer.headers.get('x-keptn-upstream')).to.match(/does not answer/);
    await remote.comeBack();
    await isSynced();
    expect(await remote.file('shop', 'dev', 'f4')).to.equal('1');
  });

  it('keeps its commits when the token has expired, until it gets another', async () => {
    await create();
    const old = body();
    remote.token += 'new';
    await put('a', '1');
    await state('Failed');
    expect((await project()).upstream).to.deep.include({ code: 'UpstreamUnauthorized', unpushed: { dev: 1 } });
    expect((await service.ask('PUT /project/shop', { ...old, gitToken: 'wrong again' })).status).to.equal(400);
    expect((await service.ask('PUT /project/shop', body())).status).to.equal(204);
    await isSynced();
    expect(await remote.file('shop', 'dev', 'a')).to.equal('1');
  });

  it('tells why a rule of the upstream refuses a push, and pushes when it does not any more', async () => {
    await create();
    await remote.refuse('shop', 'dev is protected: ask the release team');
    await put('a', '1');
    await state('Failed');
    const { upstream } = await project();
    expect(upstream?.code).to.equal('UpstreamRejected');
    expect(upstream?.message).to.include('dev is protected: ask the release team');
    await remote.refuse('shop', undefined);
    await isSynced();
  });

  it('shows what others have pushed at the next read, unless that is not wanted', async () => {
    await create();
    await put('a', '1');
    await isSynced();
    await remote.commit('shop', 'dev', 'a', '2');
    expect(await read('a', offline)).to.equal('1');
    expect(await read('a')).to.equal('2');
    await remote.commit('shop', 'dev', 'a', null);
    expect(await read('a')).to.equal(undefined);
  });

  it('is merged when both sides have changed, and has both', async () => {
    await create();
    await put('ours', '1');
    await put('both', 'first\nmiddle\nlast\n');
    await isSynced();
    await remote.commit('shop', 'dev', 'theirs', '1');
    await remote.commit('shop', 'dev', 'both', 'first\nmiddle\nLAST\n');
    await put('both', 'FIRST\nmiddle\nlast\n');
    await isSynced();
    for (const file of ['ours', 'theirs']) expect(await remote.file('shop', 'dev', file)).to.equal('1');
    expect(await remote.file('shop', 'dev', 'both')).to.equal('FIRST\nmiddle\nLAST\n');
    expect(await read('both', offline)).to.equal('FIRST\nmiddle\nLAST\n');
    expect((await project()).upstream?.message)
      .to.include('dev was merged')
      .and.not.include('both had changed');
    await inGit('fsck', '--strict');
  });

  it('takes the upstream where both sides have changed the same, names it, and keeps ours in the history', async () => {
    await create();
    for (const file of ['text', 'gone', 'folder']) await put(file, '0');
    await isSynced();
    await remote.commit('shop', 'dev', 'text', 'theirs');
    await remote.commit('shop', 'dev', 'gone', null);
    await remote.commit('shop', 'dev', 'new/file', 'theirs');
    for (const file of ['text', 'gone', 'new']) await put(file, 'ours');
    await isSynced();
    expect(await remote.file('shop', 'dev', 'text')).to.equal('theirs');
    expect(await read('gone')).to.equal(undefined);
    expect(await read('new/file')).to.equal('theirs');
    const { upstream } = await project();
    for (const file of ['text', 'gone', 'new']) expect(upstream?.message).to.match(new RegExp(`stands: .*${file}`));
    expect(await remote.git('shop', 'log', '-1', '--format=%B', 'dev')).to.include('Taken from the upstream: ');
    expect(await remote.git('shop', 'log', '--format=%s', 'dev')).to.include('Updated resource: text');
    await inGit('fsck', '--strict');
  });

  it('is merged with a history that has nothing in common with it', async () => {
    await create();
    await put('a', 'ours');
    await put('only-ours', '1');
    await isSynced();
    const foreign = await remote.create('foreign');
    await remote.commit('foreign', 'dev', 'a', 'theirs');
    await remote.commit('foreign', 'dev', 'only-theirs', '1');
    url = foreign;
    expect((await service.ask('PUT /project/shop', body())).status).to.equal(204);
    await isSynced();
    expect(await remote.file('foreign', 'dev', 'a')).to.equal('theirs');
    for (const file of ['only-ours', 'only-theirs']) expect(await remote.file('foreign', 'dev', file)).to.equal('1');
  });

  it('loses no commit of either side while both write all the time', async () => {
    await create();
    const pushed: string[] = [];
    const others = (async () => {
      // Somebody who finds that others were faster tries again, as people do.
      for (let tries = 0; tries < 300 && pushed.length < 15; tries += 1) {
        const file = `theirs/${pushed.length}`;
        const refused = await remote.commit('shop', 'dev', file, '1').then(
          () => undefined,
          (error: unknown) => error,
        );
        if (refused === undefined) pushed.push(file);
      }
    })();
    for (let n = 0; n < 150; n += 1) {
      expect((await put(`ours/${n}`, '1')).status).to.equal(201);
      if (n % 10 === 0) await read(`ours/${n}`);
    }
    await others;
    await read('ours/0');
    await isSynced();
    const files = (await remote.git('shop', 'ls-tree', '-r', '--name-only', 'dev')).split('\n');
    expect(files.filter((file) => file.startsWith('ours/'))).to.have.length(150);
    expect(files.filter((file) => file.startsWith('theirs/'))).to.have.members(pushed);
    expect(pushed).to.have.length(15);
    expect(await inGit('rev-parse', 'dev')).to.equal(await remote.git('shop', 'rev-parse', 'dev'));
    await inGit('fsck', '--strict', '--full');
  });

  it('shares one fetch among readers who come together', async () => {
    await create();
    await put('a', '1');
    await isSynced();
    remote.fetches = 0;
    await Promise.all(Array.from({ length: 50 }, () => read('a')));
    expect(remote.fetches).to.be.within(1, 3);
  });

  it('follows nothing any more when that is asked for, and leaves the upstream alone when it is removed', async () => {
    await create();
    const alone = { projectName: 'shop', gitRemoteURI: '' };
    expect((await service.ask('PUT /project/shop', alone)).status).to.equal(204);
    expect(await project()).not.to.have.property('upstream');
    const head = await remote.git('shop', 'rev-parse', 'dev');
    await put('a', '1');
    await sleep(300);
    expect(await remote.git('shop', 'rev-parse', 'dev')).to.equal(head);
    expect((await service.ask('PUT /project/shop', body())).status).to.equal(204);
    await isSynced();
    expect((await service.ask('DELETE /project/shop')).status).to.equal(204);
    expect(await remote.git('shop', 'branch', '--list')).to.match(/dev\n.*master/);
    expect((await run('ls', [join(service.directory, 'credentials')])).stdout).to.equal('');
  });
});
