/** What the configuration-service leaves in Git: causes in commits, charts as files, a commit for each of many writers. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync, gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { extract, pack, type Pack } from 'tar-stream';
import { z } from 'zod';
import { createObjectGit } from '../lib/git/objects/store.ts';
import type { GitStore } from '../lib/git/port.ts';
import { causeHeaders } from '../lib/http/cause.ts';
import type { HttpServer } from '../lib/http/server.ts';
import { createLog } from '../lib/observe/log.ts';
import { createProcessMetrics } from '../lib/observe/process-metrics.ts';
import { startConfigurationService } from '../services/configuration-service/service.ts';
import { createCredentialFiles } from '../services/configuration-service/upstream/credentials-file.ts';

const run = promisify(execFile);
const log = createLog('test', 'silent');
const base64 = (content: string | Uint8Array): string => Buffer.from(content).toString('base64');
const written = z.object({ version: z.string() });
const resource = z.object({ resourceContent: z.string(), resourceURI: z.string() });
const carts = '/project/p1/stage/dev/service/carts';

describe('the configuration-service in Git', () => {
  let directory: string;
  let git: GitStore;
  let server: HttpServer;

  const ask = async (method: string, path: string, body?: object, headers: Record<string, string> = {}) => {
    const response = await fetch(`${server.url}/v1${path}`, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const json: unknown = text === '' ? undefined : JSON.parse(text);
    return { status: response.status, json };
  };
  const put = async (path: string, content: string | Uint8Array, headers?: Record<string, string>) =>
    ask('PUT', path, { resourceURI: 'x', resourceContent: base64(content) }, headers);
  const read = async (path: string): Promise<Buffer> =>
    Buffer.from(resource.parse((await ask('GET', path)).json).resourceContent, 'base64');
  const inGit = async (...args: string[]): Promise<string> =>
    (await run('git', ['-C', join(directory, 'p1.git'), ...args], { maxBuffer: 1 << 26 })).stdout;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keptn-cs-'));
    git = await createObjectGit({ directory, log });
    const credentials = await createCredentialFiles(join(directory, 'credentials'));
    const metrics = createProcessMetrics();
    server = await startConfigurationService({ git, host: '127.0.0.1', port: 0, credentials, metrics, log });
    await ask('POST', '/project', { projectName: 'p1' });
    await ask('POST', '/project/p1/stage', { stageName: 'dev' });
    await ask('POST', '/project/p1/stage/dev/service', { serviceName: 'carts' });
  });
  afterEach(async () => {
    await server.close();
    await git.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('has a branch for a stage and a folder with metadata for a service', async () => {
    await put(`${carts}/resource/jmeter%2Fload.jmx`, '<x/>');
    expect(await inGit('ls-tree', '-r', '--name-only', 'dev')).to.equal(
      'carts/jmeter/load.jmx\ncarts/metadata.yaml\nmetadata.yaml\n',
    );
    expect(await inGit('show', 'master:metadata.yaml')).to.match(/^projectname: p1\ncreationtimestamp: \d{4}-.*Z\n$/);
    expect(await inGit('show', 'dev:carts/metadata.yaml')).to.match(/^servicename: carts\ncreationtimestamp: /);
    await ask('POST', `${carts}/resource`, { resources: [{ resourceURI: 'a', resourceContent: base64('1') }] });
    await ask('PUT', `${carts}/resource`, { resources: [{ resourceURI: 'a', resourceContent: base64('2') }] });
    await ask('DELETE', `${carts}/resource/a`);
    expect((await inGit('log', '--reverse', '--format=%s|%an <%ae>', 'dev')).trim().split('\n')).to.deep.equal(
      [
        'Added metadata.yaml',
        'Added service: carts',
        'Updated resource: jmeter/load.jmx',
        'Added resources',
        'Updated resources',
        'Deleted resources',
      ].map((line) => `${line}|keptn <keptn@keptn.com>`),
    );
    await inGit('fsck', '--strict');
  });

  it('says in the commit what caused the write', async () => {
    const object = { kind: 'Resource', namespace: 'default', name: 'carts-slo', uid: 'a-b-1', generation: 3 };
    const cause = { context: '2f8d-1', object };
    const author = Buffer.from('Zoë <zoe@example.com>').toString('latin1');
    await put(`${carts}/resource/slo.yaml`, 'a: 1', { ...causeHeaders(cause), 'x-keptn-author': author });
    expect(await inGit('log', '-1', '--format=%an <%ae>%n%B', 'dev')).to.equal(
      'Zoë <zoe@example.com>\nUpdated resource: slo.yaml\n\nKeptn-Context: 2f8d-1\nKeptn-Cause-Object: Resource default/carts-slo\nKeptn-Cause-Uid: a-b-1\nKeptn-Cause-Generation: 3\n\n',
    );
    expect((await inGit('log', '-1', '--format=%(trailers:key=Keptn-Cause-Uid,valueonly)', 'dev')).trim()).to.equal(
      'a-b-1',
    );
  });

  it('refuses a cause that could forge a line of the commit', async () => {
    const before = await git.head('p1', 'dev');
    const bad = [
      { 'x-keptn-context': 'a b' },
      { 'x-keptn-context': 'x'.repeat(129) },
      { 'x-keptn-cause': 'Resource default/x' },
      { 'x-keptn-cause': 'Resource default/x uid=1 generation=x' },
      { 'x-keptn-author': 'nobody' },
      { 'x-keptn-author': 'a <b@c> <d@e>' },
    ];
    for (const headers of bad) {
      const { status, json } = await put(`${carts}/resource/a`, '1', headers);
      expect(status).to.equal(422);
      expect(json).to.have.property('message').that.includes(Object.keys(headers)[0]);
    }
    expect(await git.head('p1', 'dev')).to.equal(before);
  });

  it('keeps the version when nothing changes, and reads older ones', async () => {
    const first = written.parse((await put(`${carts}/resource/a`, '1')).json).version;
    expect(written.parse((await put(`${carts}/resource/a`, '1')).json).version).to.equal(first);
    await put(`${carts}/resource/a`, '2');
    expect((await read(`${carts}/resource/a?gitCommitId=${first}`)).toString()).to.equal('1');
    expect((await read(`${carts}/resource/a`)).toString()).to.equal('2');
  });

  it('unpacks a chart into Git and gives the same files back', async () => {
    const files = { 'Chart.yaml': 'name: carts', 'values.yaml': 'a: 1', 'templates/x.yaml': 'kind: X' };
    expect((await put(`${carts}/resource/helm%2Fcarts.tgz`, await archive('anything', files))).status).to.equal(201);
    expect(await inGit('ls-tree', '-r', '--name-only', 'dev', 'carts/helm/')).to.equal(
      Object.keys(files)
        .sort()
        .map((path) => `carts/helm/carts/${path}\n`)
        .join(''),
    );
    expect((await read(`${carts}/resource/helm%2Fcarts%2Fvalues.yaml`)).toString()).to.equal('a: 1');
    const packed = await read(`${carts}/resource/helm%2Fcarts.tgz`);
    expect(await filesOf(packed)).to.deep.equal(
      Object.fromEntries(Object.entries(files).map(([path, text]) => [`carts/${path}`, text])),
    );
    expect(await read(`${carts}/resource/helm%2Fcarts.tgz`)).to.deep.equal(packed);
    const head = await git.head('p1', 'dev');
    expect((await put(`${carts}/resource/helm%2Fcarts.tgz`, packed)).json).to.deep.equal({ version: head });
    await put(`${carts}/resource/helm%2Fcarts.tgz`, await archive('carts', { 'Chart.yaml': 'name: carts' }));
    expect(await inGit('ls-tree', '-r', '--name-only', 'dev', 'carts/helm/')).to.equal('carts/helm/carts/Chart.yaml\n');
    expect((await ask('DELETE', `${carts}/resource/helm%2Fcarts.tgz`)).status).to.equal(204);
    expect((await ask('GET', `${carts}/resource/helm%2Fcarts.tgz`)).status).to.equal(404);
  });

  it('refuses archives that leave their folder, hold links, or are bombs', async () => {
    const before = await git.head('p1', 'dev');
    const many = Object.fromEntries(Array.from({ length: 1100 }, (_, n) => [`f${n}`, '']));
    const bad: [string, Uint8Array][] = [
      ['path inside', await archive('..', { evil: 'x' })],
      ['path inside', await archive('a', { '../../evil': 'x' })],
      ['path inside', await archive('/etc', { passwd: 'x' })],
      ['path inside', await archive('a', { '.git/config': 'x' })],
      ['symlink', await archive('a', { ok: '1' }, { name: 'a/evil', type: 'symlink', linkname: '/etc/passwd' })],
      ['link', await archive('a', { ok: '1' }, { name: 'a/evil', type: 'link', linkname: 'a/ok' })],
      ['more than 1000 entries', await archive('a', many)],
      ['bytes when unpacked', await archive('a', { zeros: '\0'.repeat(9 * 1024 * 1024) })],
      ['no Helm chart', Buffer.from('no gzip')],
      ['no Helm chart', gzipSync('no tar')],
      ['entries at its top', await archive('a', { ok: '1' }, { name: 'b/other' })],
      ['not inside a folder', await archive('a', { ok: '1' }, { name: 'a.txt' })],
      ['entries at its top', await archive('a', {})],
    ];
    for (const [why, content] of bad) {
      const { status, json } = await put(`${carts}/resource/helm%2Fcarts.tgz`, content);
      expect([status, why]).to.deep.equal([422, why]);
      expect(json)
        .to.have.property('message')
        .that.matches(/^resourceContent in body is no Helm chart/)
        .and.includes(why);
    }
    expect(await git.head('p1', 'dev')).to.equal(before);
  });

  it('gives each of many concurrent writers its commit', async () => {
    const versions = await Promise.all(
      Array.from(
        { length: 40 },
        async (_, n) => written.parse((await put(`${carts}/resource/f${n}`, `${n}`)).json).version,
      ),
    );
    expect(new Set(versions).size).to.equal(40);
    expect(new Set((await inGit('rev-list', '-40', 'dev')).trim().split('\n'))).to.deep.equal(new Set(versions));
    const makers = Array.from({ length: 5 }, () =>
      ask('POST', '/project/p1/stage/dev/service', { serviceName: 'once' }),
    );
    expect((await Promise.all(makers)).map(({ status }) => status).sort()).to.deep.equal([204, 400, 400, 400, 400]);
  });

  it('writes default resources to every stage that has the service', async () => {
    await ask('POST', '/project/p1/stage', { stageName: 'prod' });
    await ask('POST', '/project/p1/stage/prod/service', { serviceName: 'carts' });
    await ask('POST', '/project/p1/stage', { stageName: 'empty' });
    const { json } = await ask('POST', '/project/p1/service/carts/resource', {
      resources: [{ resourceURI: 'd', resourceContent: base64('1') }],
    });
    const stages = await Promise.all(
      ['dev', 'prod'].map(async (stageName) => ({ stageName, version: await git.head('p1', stageName) })),
    );
    expect(json).to.deep.equal({ version: stages[0]?.version, stages });
    expect(await inGit('ls-tree', '-r', '--name-only', 'empty')).to.equal('metadata.yaml\n');
  });

  it('answers what has begun when it is closed, and lets nobody in any more', async () => {
    const { hostname, port } = new URL(server.url);
    const answered = new Promise<number | undefined>((resolve, reject) => {
      const slow = request({ hostname, port, method: 'PUT', path: `/v1${carts}/resource/slow` }, (response) =>
        resolve(response.resume().statusCode),
      );
      slow.on('error', reject).write('{"resourceURI":"x",');
      setTimeout(() => slow.end(`"resourceContent":"${base64('1')}"}`), 200);
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    await Promise.all([server.close(), answered.then((status) => expect(status).to.equal(201))]);
    const refused = await fetch(`${server.url}/healthz`).catch(() => 'refused');
    expect(refused).to.equal('refused');
  });
});

async function archive(
  top: string,
  files: Record<string, string>,
  extra?: Parameters<Pack['entry']>[0],
): Promise<Uint8Array> {
  const stream = pack();
  for (const [path, content] of Object.entries(files)) stream.entry({ name: `${top}/${path}` }, content);
  if (extra) stream.entry(extra, extra.type === undefined ? 'x' : '');
  stream.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return gzipSync(Buffer.concat(chunks));
}

async function filesOf(packed: Uint8Array): Promise<Record<string, string>> {
  const stream = extract();
  stream.end(gunzipSync(packed));
  const files: Record<string, string> = {};
  for await (const entry of stream) {
    let text = '';
    for await (const chunk of entry as AsyncIterable<Uint8Array>) text += Buffer.from(chunk).toString();
    files[entry.header.name] = text;
  }
  return files;
}
