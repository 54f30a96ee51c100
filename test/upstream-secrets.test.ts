/** Tokens of upstreams: kept in one place, and seen nowhere else; commits that wait for an upstream outlive the process. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { KubeConfig } from '@kubernetes/client-node';
import { expect } from 'chai';
import type { Credentials } from '../services/configuration-service/upstream/credentials.ts';
import { createCredentialFiles } from '../services/configuration-service/upstream/credentials-file.ts';
import { createCredentialSecrets } from '../services/configuration-service/upstream/credentials-secret.ts';
import { usableCluster, type UsableCluster } from './launch/given.ts';
import { startGitRemote, type GitRemote } from './launch/git-remote.ts';
import { nodeProcess, type NodeProcess } from './launch/node-process.ts';
import { base64 } from './launch/configuration.ts';

const run = promisify(execFile);

describe('the configuration-service as a process with an upstream', () => {
  let directory: string;
  let remote: GitRemote;
  let service: NodeProcess;
  let url: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keptn-upstream-'));
    remote = await startGitRemote();
    url = await remote.create('shop');
    const env = {
      KEPTN_DATA_DIR: directory,
      KEPTN_LISTEN_HOST: '127.0.0.1',
      KEPTN_UPSTREAM_INSECURE: 'on',
      LOG_LEVEL: 'trace',
    };
    service = await nodeProcess('configuration-service', { env, port: 'PORT', ready: '/readyz' });
    await service.start();
    const body = { projectName: 'shop', gitRemoteURI: url, gitUser: remote.user, gitToken: remote.token };
    expect((await ask('POST', '/project', body)).status).to.equal(204);
    await ask('POST', '/project/shop/stage', { stageName: 'dev' });
  });
  after(async () => {
    await service.end('SIGTERM');
    await remote.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const ask = (method: string, path: string, body?: object): Promise<Response> =>
    fetch(`${service.url}/v1${path}`, { method, ...(body && { body: JSON.stringify(body) }) });
  const put = async (file: string): Promise<number> => {
    const body = { resourceURI: file, resourceContent: base64(file) };
    return (await ask('PUT', `/project/shop/stage/dev/resource/${file}`, body)).status;
  };
  const arrives = async (file: string): Promise<void> => {
    const deadline = Date.now() + 15_000;
    while ((await remote.file('shop', 'dev', file).catch(() => '')) !== file) {
      if (Date.now() > deadline) throw new Error(`${file} has not been pushed\n${service.output()}`);
      await sleep(50);
    }
  };

  it('pushes what was written while the upstream was away, also after a kill -9', async () => {
    await remote.goAway();
    expect(await put('before-the-kill')).to.equal(201);
    await service.end('SIGKILL');
    await service.start();
    expect(await put('after-the-kill')).to.equal(201);
    await remote.comeBack();
    await arrives('before-the-kill');
    await arrives('after-the-kill');
  });

  it('shows its token to nobody: not in files, log, answers or the list of processes', async () => {
    const forms = [
      remote.token,
      encodeURIComponent(remote.token),
      Buffer.from(`${remote.user}:${remote.token}`).toString('base64'),
      Buffer.from(remote.token).toString('base64').replace(/=+$/, ''),
    ];
    const leaks = (text: string): boolean => forms.some((form) => text.includes(form));
    remote.delay = 600;
    await put('slow');
    const commands: string[] = [];
    for (let n = 0; n < 20; n += 1) {
      for (const pid of await readdir('/proc')) {
        if (/^\d+$/.test(pid)) commands.push(await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''));
      }
      await sleep(20);
    }
    remote.delay = 0;
    expect(commands.some((command) => command.includes('push'))).to.equal(true);
    expect(commands.some(leaks)).to.equal(false);
    await arrives('slow');
    await remote.refuse('shop', `the token is ${remote.token}`);
    await put('refused');
    await sleep(500);
    const answer = await (await ask('GET', '/project/shop')).text();
    expect(answer).to.include('********');
    await remote.refuse('shop', undefined);
    await arrives('refused');
    for (const path of ['/project/shop', '/project', '/project/shop/resource']) {
      expect(leaks(await (await ask('GET', path)).text())).to.equal(false);
    }
    expect(service.output().length).to.be.greaterThan(100);
    expect(leaks(service.output())).to.equal(false);
    const grep = (form: string) =>
      run('grep', ['-rlaF', form, directory]).then(
        ({ stdout }) => stdout,
        () => '',
      );
    const files = (await Promise.all(forms.map(grep))).join('').trim();
    expect(files).to.equal(join(directory, 'credentials/shop.json'));
    expect((await stat(files)).mode & 0o777).to.equal(0o600);
    expect((await stat(join(directory, 'credentials'))).mode & 0o777).to.equal(0o700);
  });
});

function credentialsContract(name: string, open: () => Promise<Credentials>): void {
  describe(`credentials of upstreams in ${name}`, () => {
    const upstream = { url: 'https://git.example.com/shop.git', user: 'ü', token: 'to"ken' };

    it('are what was stored last, and nothing once they are removed', async () => {
      const credentials = await open();
      expect(await credentials.get('shop')).to.equal(undefined);
      await credentials.set('shop', { ...upstream, token: 'old' });
      await credentials.set('shop', upstream);
      expect(await (await open()).get('shop')).to.deep.equal(upstream);
      expect(await credentials.get('other')).to.equal(undefined);
      await credentials.remove('shop');
      await credentials.remove('shop');
      expect(await credentials.get('shop')).to.equal(undefined);
    });
  });
}

describe('upstream credentials', () => {
  let directory: string;
  let cluster: UsableCluster;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keptn-credentials-'));
    cluster = await usableCluster();
  });
  after(async () => {
    await rm(directory, { recursive: true, force: true });
    await cluster.stop();
  });
  const secrets = async (): Promise<Credentials> => {
    const config = new KubeConfig();
    config.loadFromFile(cluster.kubeconfig);
    return createCredentialSecrets(config, 'default');
  };

  credentialsContract('files', () => createCredentialFiles(directory));
  credentialsContract('Secrets', secrets);

  it('are in a Secret as 0.6.2 has it', async () => {
    await (await secrets()).set('shop', { url: 'https://x/y.git', user: 'u', token: 't' });
    const text = await cluster.kubectl(
      'get',
      'secret',
      'git-credentials-shop',
      '-o',
      'jsonpath={.data.git-credentials}',
    );
    expect(JSON.parse(Buffer.from(text, 'base64').toString())).to.deep.equal({
      user: 'u',
      token: 't',
      remoteURI: 'https://x/y.git',
    });
    await (await secrets()).remove('shop');
  });
});
