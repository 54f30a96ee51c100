/** Projects cloned over HTTP from the configuration-service, as GitOps tools do. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { createObjectGit } from '../lib/git/objects/store.ts';
import type { GitStore } from '../lib/git/port.ts';
import type { HttpServer } from '../lib/http/server.ts';
import { createLog } from '../lib/observe/log.ts';
import { createProcessMetrics } from '../lib/observe/process-metrics.ts';
import { startConfigurationService } from '../services/configuration-service/service.ts';
import type { Credentials } from '../services/configuration-service/upstream/credentials.ts';
import { createCredentialFiles } from '../services/configuration-service/upstream/credentials-file.ts';

const run = promisify(execFile);
const log = createLog('test', 'silent');
const token = 'a-token-of-the-tests';
const author = { name: 'a', email: 'a@example.com' };

describe('a project cloned over HTTP', () => {
  let directory: string;
  let git: GitStore;
  let server: HttpServer;
  let credentials: Credentials;
  let clones = 0;

  const client = async (...args: string[]): Promise<string> =>
    (await run('git', args, { env: { ...process.env, GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' } })).stdout;
  const urlFor = (password: string, project = 'p1'): string =>
    `${server.url.replace('://', `://any:${password}@`)}/git/${project}.git`;
  const clone = async (url: string, ...args: string[]): Promise<string> => {
    const folder = join(directory, `clone${(clones += 1)}`);
    await client(...args, 'clone', '-q', url, folder);
    return folder;
  };
  const refused = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'done',
      (error: unknown) => String(error),
    );
  const write = (path: string, content: string, branch = 'dev') =>
    git.commit('p1', { branch, changes: [{ path, content: Buffer.from(content) }], message: path, author });

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keptn-clone-'));
    git = await createObjectGit({ directory: join(directory, 'config'), durable: false, log });
    credentials = await createCredentialFiles(join(directory, 'credentials'));
    const metrics = createProcessMetrics();
    server = await startConfigurationService({ git, host: '127.0.0.1', port: 0, metrics, log, token, credentials });
    await git.create('p1', { changes: [{ path: 'a', content: Buffer.from('1') }], message: 'first', author });
    await git.createBranch('p1', 'dev', 'master');
  });
  afterEach(async () => {
    await server.close();
    await git.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('has every branch, and a pull brings what came since', async () => {
    const folder = await clone(urlFor(token));
    expect(await client('-C', folder, 'branch', '-r')).to.match(/origin\/dev\n\s+origin\/master/);
    await client('-C', folder, 'checkout', '-q', 'dev');
    await write('carts/values.yaml', 'image: carts:2\n');
    await client('-C', folder, 'pull', '-q');
    expect(await readFile(join(folder, 'carts/values.yaml'), 'utf8')).to.equal('image: carts:2\n');
    expect((await client('-C', folder, 'rev-parse', 'HEAD')).trim()).to.equal(await git.head('p1', 'dev'));
  });

  it('serves old clients, shallow clones and a token in a header', async () => {
    const content = 'x'.repeat(2_000_000);
    await write('large', content);
    const old = await clone(urlFor(token), '-c', 'protocol.version=0');
    expect((await client('-C', old, 'rev-parse', 'origin/dev')).trim()).to.equal(await git.head('p1', 'dev'));
    const shallow = join(directory, 'shallow');
    const header = `http.extraHeader=x-token: ${token}`;
    await client('-c', header, 'clone', '-q', '--depth=1', '-b', 'dev', `${server.url}/git/p1.git`, shallow);
    expect(await readFile(join(shallow, 'large'), 'utf8')).to.equal(content);
    expect(await client('-C', shallow, 'rev-list', '--count', 'HEAD')).to.equal('1\n');
  });

  it('is refused without the token, and when it is not there', async () => {
    expect(await refused(clone(urlFor('wrong')))).to.include('Authentication failed');
    expect(await refused(clone(`${server.url}/git/p1.git`))).to.include('could not read Username');
    expect(await refused(clone(urlFor(token, 'p2')))).to.include('not found');
    const response = await fetch(`${server.url}/git/p1.git/info/refs?service=git-upload-pack`);
    expect(response.status).to.equal(401);
    expect(await response.json())
      .to.have.property('message')
      .that.includes('the token as password');
  });

  it('cannot be pushed to', async () => {
    const folder = await clone(urlFor(token));
    expect(await refused(client('-C', folder, 'push', '-q', 'origin', 'HEAD:refs/heads/evil'))).to.include('403');
    expect(await git.branches('p1')).to.deep.equal(['dev', 'master']);
  });

  it('gives no file of the repository but what git asks for', async () => {
    const headers = { 'x-token': token };
    for (const path of ['config', 'HEAD', 'objects/info/packs', '..%2f..%2fetc%2fpasswd', 'info/refs']) {
      const response = await fetch(`${server.url}/git/p1.git/${path}`, { headers });
      expect([path, response.status]).to.satisfy(([, status]: [string, number]) => status === 403 || status === 404);
    }
    const outside = await fetch(`${server.url}/git/..%2fp1.git/info/refs?service=git-upload-pack`, { headers });
    expect(outside.status).to.be.oneOf([404, 422]);
  });

  it('is off where no token is set, and says so', async () => {
    const open = await startConfigurationService({
      git,
      host: '127.0.0.1',
      port: 0,
      metrics: createProcessMetrics(),
      log,
      credentials,
    });
    const response = await fetch(`${open.url}/git/p1.git/info/refs?service=git-upload-pack`);
    await open.close();
    expect(response.status).to.equal(403);
    expect(await response.json())
      .to.have.property('message')
      .that.includes('KEPTN_API_TOKEN');
  });

  it('ends its git when the client has gone, so that others are served', async () => {
    for (let n = 0; n < 30; n += 1) await write(`f${n}`, Buffer.alloc(1_000_000, `${n}-${Math.random()}`).toString());
    const { hostname, port } = new URL(server.url);
    for (let n = 0; n < 8; n += 1) {
      const socket = createConnection(Number(port), hostname);
      const body = '0032want ' + (await git.head('p1', 'dev')) + '\n00000009done\n';
      socket.write(
        `POST /git/p1.git/git-upload-pack HTTP/1.1\r\nhost: x\r\nx-token: ${token}\r\n` +
          `content-type: application/x-git-upload-pack-request\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
      await new Promise((resolve) => setTimeout(resolve, 30));
      socket.destroy();
    }
    const began = performance.now();
    await clone(urlFor(token));
    expect(performance.now() - began).to.be.lessThan(10_000);
  });
});
