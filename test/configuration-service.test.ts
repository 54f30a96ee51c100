/** What 0.6.2's configuration-service was recorded to answer, asked of ours row by row; and what neither may accept. */
import { access, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { z } from 'zod';
import { createObjectGit } from '../lib/git/objects/store.ts';
import type { GitStore } from '../lib/git/port.ts';
import type { HttpServer } from '../lib/http/server.ts';
import { createLog } from '../lib/observe/log.ts';
import { createProcessMetrics } from '../lib/observe/process-metrics.ts';
import { startConfigurationService } from '../services/configuration-service/service.ts';
import { createCredentialFiles } from '../services/configuration-service/upstream/credentials-file.ts';

const log = createLog('test', 'silent');
const hello = Buffer.from('hello').toString('base64');
const resource = (resourceURI: string, resourceContent = hello): object => ({ resourceURI, resourceContent });
const resources = (...uris: string[]): object => ({ resources: uris.map((uri) => resource(uri)) });
const pageSchema = z.object({ nextPageKey: z.string(), stages: z.array(z.unknown()), totalCount: z.int() });
const version = { version: /^[0-9a-f]{40}$/ };

describe('the configuration-service answers as 0.6.2', () => {
  let directory: string;
  let git: GitStore;
  let server: HttpServer;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keptn-cs-'));
    git = await createObjectGit({ directory: join(directory, 'config'), durable: false, log });
    const credentials = await createCredentialFiles(join(directory, 'credentials'));
    const metrics = createProcessMetrics();
    server = await startConfigurationService({ git, host: '127.0.0.1', port: 0, credentials, metrics, log });
  });
  after(async () => {
    await server.close();
    await git.close();
    await rm(directory, { recursive: true, force: true });
  });

  const ask = async (call: string, body?: unknown, headers: Record<string, string> = {}) => {
    const [method = '', path = ''] = call.split(' ');
    const response = await fetch(`${server.url}/v1${path}`, {
      method,
      headers,
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const json: unknown = text === '' ? undefined : JSON.parse(text);
    return { status: response.status, json, headers: response.headers };
  };

  /** Asks, and compares: a pattern stands for any text that it matches. */
  const row = (call: string, body: unknown, status: number, answer?: unknown): void => {
    it(`${status} to ${call.slice(0, 100)}${body === undefined ? '' : ` ${JSON.stringify(body).slice(0, 60)}`}`, async () => {
      const { status: seen, json } = await ask(call, body);
      expect([seen, withPatterns(json, answer)]).to.deep.equal([status, answer]);
    });
  };
  const error = (code: number, message: string | RegExp): object => ({ code, message });

  row('GET /project', undefined, 200, { nextPageKey: '0', projects: [], totalCount: 0 });
  row('POST /project', { projectName: 'p1' }, 204);
  row('POST /project', { projectName: 'p1' }, 400, error(400, 'Project already exists'));
  row('POST /project', {}, 422, error(602, 'projectName in body is required'));
  row('POST /project', { projectName: 7 }, 422, error(601, 'projectName in body must be of type string'));
  row('POST /project', 'x', 400, error(400, /^parsing the body failed, because/));
  row('POST /project', '[]', 400, error(400, /^parsing project body failed, because/));
  row('POST /project', '', 422, error(602, 'projectName in body is required'));
  row('POST /project', { projectName: '../evil' }, 422, error(605, /^projectName in body must be a DNS label/));
  row('GET /project', undefined, 200, {
    nextPageKey: '0',
    projects: [{ projectName: 'p1', stages: [] }],
    totalCount: 1,
  });
  row('GET /project?pageSize=0', undefined, 422, error(609, 'pageSize in query should be greater than or equal to 1'));
  row('GET /project?pageSize=51', undefined, 422, error(608, 'pageSize in query should be less than or equal to 50'));
  row('GET /project?pageSize=x', undefined, 422, error(601, /^pageSize in query must be of type int64/));
  row('PATCH /project', undefined, 405, error(405, 'method PATCH is not allowed, but [GET,POST] are'));
  row('GET /nothing', undefined, 404, error(404, 'path /v1/nothing was not found'));
  row('GET /project/p1', undefined, 200, { projectName: 'p1', stages: [] });
  row('GET /project/nope', undefined, 404, error(404, 'Project not found'));
  row('PUT /project/p1', { projectName: 'p1' }, 204);
  row('PUT /project/p1', { projectName: 'p2' }, 422, error(605, /renaming/));

  row('POST /project/p1/stage', { stageName: 'dev' }, 204);
  row('POST /project/p1/stage', { stageName: 'dev' }, 400, error(400, 'Stage already exists'));
  row('POST /project/p1/stage', { stageName: 'master' }, 422, error(605, /^stageName in body must not be master/));
  row('POST /project/nope/stage', { stageName: 'dev' }, 400, error(400, 'Project does not exist.'));
  row('GET /project/p1/stage', undefined, 200, {
    nextPageKey: '0',
    stages: [{ services: null, stageName: 'dev' }],
    totalCount: 1,
  });
  row('GET /project/p1/stage/dev', undefined, 200, { services: null, stageName: 'dev' });
  row('GET /project/p1/stage/zz', undefined, 404, error(404, 'Stage not found'));
  row('GET /project/p1/stage/master', undefined, 404, error(404, 'Stage not found'));
  row('PUT /project/p1/stage/dev', { stageName: 'dev' }, 204);

  row('POST /project/p1/stage/dev/service', { serviceName: 'carts' }, 204);
  row('POST /project/p1/stage/dev/service', { serviceName: 'carts' }, 400, error(400, 'Service already exists'));
  row('POST /project/p1/stage/zz/service', { serviceName: 'carts' }, 400, error(400, 'Stage zz does not exist.'));
  row('GET /project/p1/stage/dev/service', undefined, 200, {
    nextPageKey: '0',
    services: [{ serviceName: 'carts' }],
    totalCount: 1,
  });
  row('GET /project/p1/stage/dev/service/carts', undefined, 200, { serviceName: 'carts' });
  row('GET /project/p1/stage/dev/service/zz', undefined, 404, error(404, 'Service not found'));
  row('GET /project/p1/stage/zz/service', undefined, 404, error(404, 'Stage not found'));
  row('PUT /project/p1/stage/dev/service/carts', { serviceName: 'carts' }, 204);

  row('POST /project/p1/resource', resources('shipyard.yaml'), 201, version);
  row('PUT /project/p1/resource', resources('shipyard.yaml'), 201, version);
  row('PUT /project/p1/resource/shipyard.yaml', resource('ignored'), 201, version);
  row(
    'PUT /project/p1/resource/shipyard.yaml',
    { resourceContent: hello },
    422,
    error(602, 'resourceURI in body is required'),
  );
  row('POST /project/nope/resource', resources('a'), 400, error(400, 'Project does not exist'));
  row('GET /project/p1/resource', undefined, 200, {
    nextPageKey: '0',
    resources: [{ resourceURI: '/metadata.yaml' }, { resourceURI: '/shipyard.yaml' }],
    totalCount: 2,
  });
  row('GET /project/p1/resource?pageSize=1', undefined, 200, {
    nextPageKey: '1',
    pageSize: 1,
    resources: [{ resourceURI: '/metadata.yaml' }],
    totalCount: 2,
  });
  row('GET /project/p1/resource?pageSize=1&nextPageKey=1', undefined, 200, {
    nextPageKey: '0',
    pageSize: 1,
    resources: [{ resourceURI: '/shipyard.yaml' }],
    totalCount: 2,
  });
  row('GET /project/p1/resource/shipyard.yaml', undefined, 200, {
    resourceContent: hello,
    resourceURI: 'shipyard.yaml',
  });
  row('GET /project/p1/resource/%2Fshipyard.yaml?disableUpstreamSync=true', undefined, 200, {
    resourceContent: hello,
    resourceURI: 'shipyard.yaml',
  });
  row('GET /project/p1/resource/zz', undefined, 404, error(404, 'Project resource not found'));
  row('GET /project/nope/resource/zz', undefined, 404, error(404, 'Project not found'));
  row('DELETE /project/p1/resource/shipyard.yaml', undefined, 204);
  row('DELETE /project/p1/resource/shipyard.yaml', undefined, 404, error(404, 'Project resource not found'));
  row('DELETE /project/p1/resource/metadata.yaml', undefined, 422, error(422, /belongs to Keptn/));

  row('POST /project/p1/stage/dev/resource', resources('a/b.yaml'), 201, version);
  row('GET /project/p1/stage/dev/resource/a%2Fb.yaml', undefined, 200, {
    resourceContent: hello,
    resourceURI: 'a/b.yaml',
  });
  row(
    'GET /project/p1/stage/dev/resource/a/b.yaml',
    undefined,
    404,
    error(404, 'path /v1/project/p1/stage/dev/resource/a/b.yaml was not found'),
  );
  row('GET /project/p1/stage/dev/resource', undefined, 200, {
    nextPageKey: '0',
    resources: [
      { resourceURI: '/a/b.yaml' },
      { resourceURI: '/carts/metadata.yaml' },
      { resourceURI: '/metadata.yaml' },
    ],
    totalCount: 3,
  });
  row('GET /project/p1/stage/zz/resource', undefined, 404, error(404, 'Stage does not exist'));
  row('GET /project/p1/stage/zz/resource/a', undefined, 404, error(404, 'Project not found'));
  row('GET /project/p1/stage/dev/resource/a', undefined, 404, error(404, 'Stage resource not found'));
  row('POST /project/p1/stage/zz/resource', resources('a'), 400, error(400, 'Stage does not exist'));
  row('DELETE /project/p1/stage/dev/resource/a%2Fb.yaml', undefined, 204);

  row('POST /project/p1/stage/dev/service/carts/resource', resources('slo.yaml', 'jmeter/load.jmx'), 201, version);
  row('PUT /project/p1/stage/dev/service/carts/resource/slo.yaml', resource('slo.yaml'), 201, version);
  row(
    'POST /project/p1/stage/dev/service/zz/resource',
    resources('a'),
    400,
    error(400, 'Service zz does not exist within stage dev of project p1'),
  );
  row('GET /project/p1/stage/dev/service/carts/resource/jmeter%2Fload.jmx', undefined, 200, {
    resourceContent: hello,
    resourceURI: 'jmeter/load.jmx',
  });
  row('GET /project/p1/stage/dev/service/carts/resource/zz', undefined, 404, error(404, 'Service resource not found'));
  row('GET /project/p1/stage/dev/service/zz/resource/a', undefined, 404, error(404, 'Service not found'));
  row('GET /project/p1/stage/dev/service/zz/resource', undefined, 404, error(404, 'Service not found'));
  row('GET /project/p1/stage/dev/service/carts/resource', undefined, 200, {
    nextPageKey: '0',
    resources: [{ resourceURI: '/jmeter/load.jmx' }, { resourceURI: '/metadata.yaml' }, { resourceURI: '/slo.yaml' }],
    totalCount: 3,
  });
  row('DELETE /project/p1/stage/dev/service/carts/resource/slo.yaml', undefined, 204);
  row(
    'DELETE /project/p1/stage/dev/service/carts/resource/jmeter',
    undefined,
    404,
    error(404, 'Service resource not found'),
  );

  row('POST /project/p1/service/carts/resource', resources('d.yaml'), 201, {
    ...version,
    stages: [{ stageName: 'dev', ...version }],
  });
  row('PUT /project/p1/service/carts/resource/d.yaml', resource('d.yaml'), 201, {
    ...version,
    stages: [{ stageName: 'dev', ...version }],
  });
  row('GET /project/p1/service/carts/resource?pageSize=1', undefined, 200, {
    nextPageKey: '1',
    pageSize: 1,
    resources: [{ resourceURI: '/d.yaml' }],
    totalCount: 3,
  });
  row('DELETE /project/p1/service/carts/resource/d.yaml', undefined, 204);
  row('DELETE /project/p1/service/carts/resource/d.yaml', undefined, 404, error(404, 'Service resource not found'));
  row('POST /project/p1/service/zz/resource', resources('d.yaml'), 404, error(404, 'Service not found'));

  describe('refuses, and writes nothing', () => {
    let before: string;
    beforeEach(async () => (before = await git.head('p1', 'dev')));
    afterEach(async () => {
      expect(await git.head('p1', 'dev')).to.equal(before);
      expect((await readdir(join(directory, 'config'))).filter((each) => !each.startsWith('.'))).to.deep.equal([
        'p1.git',
      ]);
      expect(await access(join(directory, 'evil')).catch(() => 'missing')).to.equal('missing');
    });

    const at = 'POST /project/p1/stage/dev/resource';
    for (const uri of [
      '../evil',
      'a/../../evil',
      '/etc/passwd',
      'a//b',
      '.git/config',
      'a/.GIT/x',
      'a\\b',
      'a\nb',
      `${'x'.repeat(600)}`,
      '',
    ])
      row(at, resources('good', uri), 422, { code: /60[235]/, message: /^resources\.1\.resourceURI in body/ });
    for (const uri of ['..%2Fevil', '%2F%2Fetc', '.git%2Fconfig', 'a%00b'])
      row(`PUT /project/p1/stage/dev/resource/${uri}`, resource('x'), 422, error(605, /^resourceURI in path/));
    for (const bad of ['!', 'aGVsbG8', 'aGVs bG8=', 'aGVsbG8=='])
      row(
        at,
        { resources: [resource('a'), resource('b', bad)] },
        422,
        error(601, /^resources\.1\.resourceContent in body must be of type byte/),
      );
    row(
      at,
      { resources: [resource('a'), resource('b', Buffer.alloc(1024 * 1024 + 1).toString('base64'))] },
      413,
      error(413, /^resources\.1\.resourceContent in body is too large: 1048577 bytes, 1048576/),
    );
    row(at, `"${'a'.repeat(13 * 1024 * 1024)}"`, 413, error(413, /^the body is too large/));
    row(at, {}, 422, error(602, 'resources in body is required'));
    row(at, { resources: 'x' }, 422, error(601, 'resources in body must be of type array'));
    row(
      'POST /project/p1/stage/dev/service',
      { serviceName: '.git' },
      422,
      error(605, /^serviceName in body must be a DNS label/),
    );
    row(
      'POST /project/p1/stage/..%2Fx/service',
      { serviceName: 'a' },
      422,
      error(605, /^stageName in path must be a DNS label/),
    );
    row('POST /project/%zz/stage', { stageName: 'a' }, 400, error(400, /./));
    const upstream = (gitRemoteURI: string, gitToken = 't0ken'): object => ({
      projectName: 'p2',
      gitUser: 'u',
      gitToken,
      gitRemoteURI,
    });
    row('POST /project', upstream('https://x/y.git', ''), 422, error(602, 'gitToken in body is required'));
    row('POST /project', upstream(''), 422, error(602, 'gitRemoteURI in body is required'));
    row('POST /project', upstream('http://git.example.com/y.git'), 422, error(422, /must begin with https/));
    row('POST /project', upstream('file:///etc'), 422, error(422, /must begin with https/));
    row('POST /project', upstream('--upload-pack=reboot'), 422, error(422, /is no URL/));
    row('POST /project', upstream('https://me:s3cret@x/y.git'), 422, error(422, /must not have a user or token/));
    row('POST /project', upstream('https://169.254.169.254/y.git'), 422, error(422, /leads to 169\.254/));
    row('POST /project', upstream('https://127.0.0.1/y.git'), 422, error(422, /leads to 127\.0\.0\.1/));
    row('POST /project', upstream('https://[fe80::1]/y.git'), 422, error(422, /leads to fe80/));
    row('GET /project/p1/resource?gitCommitId=zz', undefined, 422, error(605, /^gitCommitId in query/));
    row(`GET /project/p1/resource?gitCommitId=${'0'.repeat(40)}`, undefined, 404, error(404, 'Project not found'));
  });

  describe('deletes', () => {
    row('DELETE /project/p1/stage/dev/service/carts', undefined, 204);
    row('DELETE /project/p1/stage/dev/service/carts', undefined, 404, error(404, 'Service not found'));
    row('GET /project/p1/stage/dev/service', undefined, 200, { nextPageKey: '0', services: [], totalCount: 0 });
    row('DELETE /project/p1/stage/dev', undefined, 204);
    row('DELETE /project/p1/stage/dev', undefined, 404, error(404, 'Stage not found'));
    row('DELETE /project/p1', undefined, 204);
    row('DELETE /project/p1', undefined, 404, error(404, 'Project not found'));
    row('POST /project', { projectName: 'p1' }, 204);
  });

  it('keeps a stage in the pages of its project', async () => {
    await ask('POST /project', { projectName: 'pages' });
    for (const name of Array.from({ length: 23 }, (_, n) => `s${n + 10}`))
      await ask('POST /project/pages/stage', { stageName: name });
    const seen: unknown[] = [];
    let key = '0';
    do {
      const { json } = await ask(`GET /project/pages/stage?nextPageKey=${key}`);
      const page = pageSchema.parse(json);
      expect(page.totalCount).to.equal(23);
      seen.push(...page.stages);
      key = page.nextPageKey;
    } while (key !== '0');
    expect(seen).to.have.length(23);
    await ask('DELETE /project/pages');
  });

  it('is healthy, names the request, and answers 304 to who has the content', async () => {
    for (const path of ['/healthz', '/readyz']) expect((await fetch(server.url + path)).status).to.equal(200);
    const { headers } = await ask('GET /project/p1/resource/metadata.yaml', undefined, { 'x-request-id': 'abc-1' });
    expect(headers.get('x-request-id')).to.equal('abc-1');
    const again = await ask('GET /project/p1/resource/metadata.yaml', undefined, {
      'if-none-match': headers.get('etag') ?? '',
    });
    expect(again.status).to.equal(304);
  });
});

/** `seen`, with each text that matches its pattern replaced by that pattern. */
function withPatterns(seen: unknown, wanted: unknown): unknown {
  if (wanted instanceof RegExp) return wanted.test(String(seen)) ? wanted : seen;
  if (typeof seen !== 'object' || seen === null || typeof wanted !== 'object' || wanted === null) return seen;
  if (Array.isArray(seen))
    return seen.map((each, at) => withPatterns(each, Array.isArray(wanted) ? wanted[at] : undefined));
  const patterns = new Map<string, unknown>(Object.entries(wanted));
  return Object.fromEntries(Object.entries(seen).map(([key, value]) => [key, withPatterns(value, patterns.get(key))]));
}
