/**
 * A Git server as teams have one: `git http-backend` behind HTTP with a user and token. It can be away, slow, refuse
 * pushes, send elsewhere, and be pushed to by somebody else.
 */
import { execFile, spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const IDENTITY = ['-c', 'user.name=Somebody Else', '-c', 'user.email=else@example.com'];

export interface GitRemote {
  user: string;
  token: string;
  /** Milliseconds that each push takes longer. */
  delay: number;
  /** Where requests are sent, instead of being answered. */
  redirect: string | undefined;
  /** Pushes and fetches that have begun. */
  pushes: number;
  fetches: number;
  /** What came with requests that were sent elsewhere. */
  redirected: IncomingMessage['headers'][];
  /** Makes an empty repository; gives its URL. */
  create(name: string): Promise<string>;
  /** git in the repository. */
  git(name: string, ...args: string[]): Promise<string>;
  /** Somebody commits a file there, null removes it. */
  commit(name: string, branch: string, file: string, content: string | null): Promise<string>;
  file(name: string, branch: string, file: string): Promise<string>;
  /** From now on every push is refused with this sentence; undefined: none. */
  refuse(name: string, why: string | undefined): Promise<void>;
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  stop(): Promise<void>;
}

export async function startGitRemote(): Promise<GitRemote> {
  const root = await mkdtemp(join(tmpdir(), 'keptn-remote-'));
  const folder = (name: string): string => join(root, `${name}.git`);
  let port = 0;
  let server: Server | undefined;

  const listen = async (): Promise<void> => {
    server = createServer((request, response) => void answer(request, response));
    await new Promise<void>((done) => server?.listen(port, '127.0.0.1', done));
    port = (server.address() as AddressInfo).port;
  };
  const end = async (): Promise<void> => {
    const gone = new Promise((done) => server?.close(done));
    server?.closeAllConnections();
    await gone;
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, search, searchParams } = new URL(request.url ?? '', 'http://localhost');
    if (pathname.startsWith('/elsewhere/')) {
      remote.redirected.push(request.headers);
      response.writeHead(404).end();
      return;
    }
    if (remote.redirect !== undefined) {
      response.writeHead(302, { location: remote.redirect + (request.url ?? '') }).end();
      return;
    }
    const expected = `Basic ${Buffer.from(`${remote.user}:${remote.token}`).toString('base64')}`;
    if (request.headers.authorization !== expected) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
      return;
    }
    const isPush = searchParams.get('service') === 'git-receive-pack';
    if (isPush) {
      remote.pushes += 1;
      await sleep(remote.delay);
    }
    if (searchParams.get('service') === 'git-upload-pack') remote.fetches += 1;
    const child = spawn('git', ['http-backend'], {
      env: {
        PATH: process.env['PATH'],
        GIT_PROJECT_ROOT: root,
        GIT_HTTP_EXPORT_ALL: '1',
        REMOTE_USER: remote.user,
        PATH_INFO: pathname,
        QUERY_STRING: search.slice(1),
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: request.headers['content-type'],
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'],
        GIT_PROTOCOL: request.headers['git-protocol'] as string | undefined,
      },
    });
    request.pipe(child.stdin).on('error', () => undefined);
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    await new Promise((done) => child.once('close', done));
    const output = Buffer.concat(chunks);
    const at = output.indexOf('\r\n\r\n');
    for (const line of output.toString('latin1', 0, at).split('\r\n')) {
      const [name = '', value = ''] = line.split(': ');
      if (name === 'Status') response.statusCode = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    }
    response.end(output.subarray(at + 4));
  }

  const git = async (name: string, ...args: string[]): Promise<string> =>
    (await run('git', ['-C', folder(name), ...args], { maxBuffer: 1 << 26 })).stdout;

  const remote: GitRemote = {
    user: 'keptn',
    token: `t0ken/with+odd=characters-${Math.random().toString(36).slice(2)}`,
    delay: 0,
    redirect: undefined,
    pushes: 0,
    fetches: 0,
    redirected: [],
    async create(name) {
      await run('git', ['init', '-q', '--bare', '-b', 'master', folder(name)]);
      await git(name, 'config', 'http.receivepack', 'true');
      return `http://127.0.0.1:${port}/${name}.git`;
    },
    git,
    async commit(name, branch, file, content) {
      const tree = await mkdtemp(join(tmpdir(), 'keptn-somebody-'));
      try {
        const inTree = (...args: string[]) => run('git', ['-C', tree, ...IDENTITY, ...args]);
        await run('git', ['clone', '-q', folder(name), tree]);
        await inTree('checkout', '-q', branch).catch(() => inTree('checkout', '-q', '-b', branch));
        if (content === null) await inTree('rm', '-q', file);
        else {
          await run('mkdir', ['-p', join(tree, file, '..')]);
          await writeFile(join(tree, file), content);
          await inTree('add', file);
        }
        await inTree('commit', '-q', '-m', `somebody changed ${file}`);
        await inTree('push', '-q', 'origin', branch);
        return (await inTree('rev-parse', 'HEAD')).stdout.trim();
      } finally {
        await rm(tree, { recursive: true, force: true });
      }
    },
    file: (name, branch, file) => git(name, 'show', `${branch}:${file}`),
    async refuse(name, why) {
      const hook = join(folder(name), 'hooks', 'pre-receive');
      if (why === undefined) return rm(hook, { force: true });
      await writeFile(hook, `#!/bin/sh\necho '${why}' >&2\nexit 1\n`);
      await chmod(hook, 0o755);
    },
    goAway: end,
    comeBack: listen,
    async stop() {
      await end();
      await rm(root, { recursive: true, force: true });
    },
  };
  await listen();
  return remote;
}
