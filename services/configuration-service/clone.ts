/**
 * Git over HTTP, read only: any git client or GitOps tool can clone a project and follow the branch of a stage, with
 * the API's token as password. `git http-backend` speaks the protocol; it runs for the time of one request.
 */
import { basename, dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import { z } from 'zod';
import { Terminal, Transient } from '../../lib/errors/classes.ts';
import { Window } from '../../lib/errors/window.ts';
import { spawnGit, stopGit } from '../../lib/git/git-program.ts';
import type { GitStore } from '../../lib/git/port.ts';
import { stream, type Route } from '../../lib/http/route.ts';
import { isToken, tokenIn } from '../../lib/http/token.ts';
import { validate } from '../../lib/http/validate.ts';
import { dnsLabel } from '../../lib/model/names.ts';
import type { Logger } from '../../lib/observe/log.ts';

const params = z.object({ projectName: dnsLabel });

const AT_ONCE = 4;
const WAIT_MS = 30_000;
const DEADLINE_MS = 10 * 60_000;
const MAX_HEAD = 16 * 1024;

/** What clients may do, and what a clone of a large repository may cost here. */
const CONFIG = {
  'http.receivepack': 'false',
  'http.getanyfile': 'false',
  // Which branches an upstream has is our own book-keeping.
  'transfer.hideRefs': 'refs/remotes',
  'uploadpack.allowFilter': 'true',
  'uploadpack.allowReachableSHA1InWant': 'true',
  'pack.threads': '1',
  'pack.windowMemory': '64m',
};

export interface CloneSettings {
  git: GitStore;
  /** Undefined: nobody can clone. */
  token: string | undefined;
  log: Logger;
}

export function cloneRoutes(settings: CloneSettings): Route[] {
  const clone = new Clone(settings);
  const serve =
    (service: string) =>
    (request: Request, response: Response): Promise<void> =>
      clone.handle(request, response, validate(params, request.params, 'path').projectName, service);
  const path = '/git/:projectName.git';
  return [
    stream('get', `${path}/info/refs`, serve('info/refs')),
    stream('post', `${path}/git-upload-pack`, serve('git-upload-pack')),
  ];
}

class Clone {
  readonly #git: GitStore;
  readonly #token: string | undefined;
  readonly #log: Logger;
  readonly #window = new Window(AT_ONCE, 'the Git server');

  constructor({ git, token, log }: CloneSettings) {
    this.#git = git;
    this.#token = token;
    this.#log = log;
  }

  /** `service`: the part of the path behind the project. */
  async handle(request: Request, response: Response, project: string, service: string): Promise<void> {
    if (this.#token === undefined) {
      throw new Terminal('Forbidden', 'cloning is off: start the configuration-service with KEPTN_API_TOKEN');
    }
    if (!isToken(tokenIn(request.headers), this.#token)) {
      response.setHeader('www-authenticate', 'Basic realm="Keptn: any user, the API token as password"');
      throw new Terminal('Unauthorized', 'the API token is missing or wrong: any user, the token as password');
    }
    const query = new URL(request.url ?? '', 'http://localhost').searchParams;
    if (query.get('service') === 'git-receive-pack') {
      throw new Terminal('Forbidden', 'clones are read only: write through the API, or push to the upstream');
    }
    const folder = await this.#git.folder(project);
    await this.#window.run(Date.now() + WAIT_MS, () => this.#serve(request, response, folder, service));
  }

  async #serve(request: Request, response: Response, folder: string, service: string): Promise<void> {
    const { headers, method = '', url = '' } = request;
    const one = (value: string | string[] | undefined): string => (Array.isArray(value) ? value.join() : (value ?? ''));
    const child = spawnGit({
      args: ['http-backend'],
      config: CONFIG,
      env: {
        GIT_PROJECT_ROOT: dirname(folder),
        GIT_HTTP_EXPORT_ALL: '1',
        PATH_INFO: `/${basename(folder)}/${service}`,
        REQUEST_METHOD: method,
        QUERY_STRING: url.includes('?') ? url.slice(url.indexOf('?') + 1) : '',
        CONTENT_TYPE: one(headers['content-type']),
        ...(headers['content-length'] !== undefined && { CONTENT_LENGTH: headers['content-length'] }),
        HTTP_CONTENT_ENCODING: one(headers['content-encoding']),
        GIT_PROTOCOL: one(headers['git-protocol']),
      },
    });
    const { stdin, stdout, stderr } = child;
    if (!stdin || !stdout || !stderr) throw new Error('git has no pipes');
    const stop = (): void => stopGit(child);
    const timer = setTimeout(stop, DEADLINE_MS);
    response.once('close', stop);
    const ended = new Promise<void>((resolve, reject) => child.once('close', () => resolve()).once('error', reject));
    stderr.on('data', (chunk: Buffer) => this.#log.warn({ folder, git: chunk.toString().trim() }, 'cloning'));
    // A git that has seen enough does not read to the end.
    const sent = pipeline(request, stdin).catch(() => undefined);
    try {
      const rest = await readHead(stdout, response);
      response.write(rest);
      await pipeline(stdout, response);
      await Promise.all([sent, ended]);
    } catch (error) {
      if (!response.headersSent) throw new Transient('git cannot serve the repository', { cause: error });
      response.destroy();
    } finally {
      clearTimeout(timer);
      response.off('close', stop);
      stop();
    }
  }
}

/** Takes over status and headers, as CGI has them, and gives what has been read of the body. */
async function readHead(stdout: Readable, response: Response): Promise<Buffer> {
  let read = Buffer.alloc(0);
  for await (const chunk of stdout.iterator({ destroyOnReturn: false })) {
    read = Buffer.concat([read, chunk as Buffer]);
    const end = read.indexOf('\r\n\r\n');
    if (end < 0 && read.length < MAX_HEAD) continue;
    for (const line of read.toString('latin1', 0, end).split('\r\n')) {
      const at = line.indexOf(':');
      const [name, value] = [line.slice(0, at), line.slice(at + 1).trim()];
      if (name === 'Status') response.statusCode = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    }
    return read.subarray(end + 4);
  }
  throw new Terminal('Internal', 'git http-backend gave no answer');
}
