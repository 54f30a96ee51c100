/** The api over HTTP, as command lines, scripts and the Bridge use it. */
import { readFile, stat } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { pack } from 'tar-stream';
import { startBrowser } from './launch/browser.ts';
import { startStandalone, until, type Standalone } from './launch/standalone.ts';

const shipyard = (...stages: string[]): string =>
  Buffer.from(`stages:\n${stages.map((name) => `- name: ${name}\n  deployment_strategy: direct\n`).join('')}`).toString(
    'base64',
  );

async function chart(files: Record<string, string>): Promise<string> {
  const archive = pack();
  for (const [name, content] of Object.entries(files)) archive.entry({ name }, content);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks)).toString('base64');
}

const contextIn = (json: unknown): string => (json as { keptnContext: string }).keptnContext;

describe('the api', () => {
  let keptn: Standalone;
  const ask: Standalone['ask'] = (...args) => keptn.ask(...args);

  before(async () => {
    keptn = await startStandalone();
  });
  after(() => keptn.stop());

  /** With its stages, after which services may come. */
  async function project(name: string, ...stages: string[]): Promise<void> {
    expect((await ask('POST /v1/project', { name, shipyard: shipyard(...stages) })).status).to.equal(200);
    await until('the stages', async () => {
      const { json } = await ask(`GET /v1/project/${name}`);
      return (json as { stages?: unknown[] | null }).stages?.length === stages.length;
    });
  }

  it('lets in with the token, and says as 0.6.2 does why not', async () => {
    expect((await ask('POST /v1/auth')).status).to.equal(200);
    const wrong = await ask('POST /v1/auth', undefined, { 'x-token': 'wrong' });
    expect([wrong.status, wrong.json]).to.deep.equal([401, { code: 401, message: 'incorrect api key auth' }]);
    const response = await fetch(`${keptn.url}/v1/project`);
    expect(await response.json()).to.deep.equal({ code: 401, message: 'unauthenticated for invalid credentials' });
    for (const path of ['/configuration-service/v1/project', '/v1/event', '/v1/events', '/v1/log']) {
      expect((await fetch(keptn.url + path)).status, path).to.equal(401);
    }
  });

  it('slows down who guesses tokens, and nobody who has the right one', async () => {
    const statuses = new Set<number>();
    for (let n = 0; n < 30; n += 1) statuses.add((await ask('POST /v1/auth', undefined, { 'x-token': `${n}` })).status);
    expect([...statuses]).to.deep.equal([401, 429]);
    expect((await ask('POST /v1/auth')).status).to.equal(200);
  });

  it('is served by https as well, with a certificate whose key only its owner can read', async () => {
    const status = await new Promise((resolve, reject) => {
      const options = { method: 'POST', headers: { 'x-token': keptn.token }, rejectUnauthorized: false };
      request(`${keptn.secureUrl}/v1/auth`, options, (response) => resolve(response.statusCode))
        .once('error', reject)
        .end();
    });
    expect(status).to.equal(200);
    expect((await stat(join(keptn.folder, 'api-tls.key'))).mode & 0o777).to.equal(0o600);
  });

  it('sends security headers, and none that would let pages elsewhere in', async () => {
    const { headers } = await ask('POST /v1/auth', undefined, { origin: 'https://example.com' });
    expect(headers.get('content-security-policy')).to.include("default-src 'self'");
    expect(headers.get('x-content-type-options')).to.equal('nosniff');
    expect(headers.get('access-control-allow-origin')).to.equal(null);
  });

  it('makes a project that is in Git, and shows it', async () => {
    await project('made', 'dev', 'prod');
    const { json } = await ask('GET /v1/project/made');
    expect((json as { stages: { stageName: string }[] }).stages.map(({ stageName }) => stageName)).to.have.members([
      'dev',
      'prod',
    ]);
    const { json: file } = await ask('GET /configuration-service/v1/project/made/resource/shipyard.yaml');
    const content = Buffer.from((file as { resourceContent: string }).resourceContent, 'base64').toString();
    expect(content).to.include('name: prod');
  });

  it('makes one project of two that ask for the same, and refuses the other', async () => {
    const body = { name: 'twice', shipyard: shipyard('dev') };
    const answers = await Promise.all([ask('POST /v1/project', body), ask('POST /v1/project', body)]);
    expect(answers.map(({ status }) => status).sort()).to.deep.equal([200, 400]);
    expect(answers.find(({ status }) => status === 400)?.json).to.deep.include({ code: 400 });
    expect((await ask('POST /v1/project', body)).status).to.equal(400);
  });

  const refusals: [string, unknown, number, RegExp][] = [
    ['no name', { shipyard: shipyard('dev') }, 422, /name in body is required/],
    ['a name with a path', { name: '../x', shipyard: shipyard('dev') }, 422, /name in body must be/],
    ['no shipyard', { name: 'a' }, 422, /shipyard in body is required/],
    ['a shipyard that is no base64', { name: 'a', shipyard: '%%%' }, 422, /shipyard in body must be base64/],
    ['a shipyard without stages', { name: 'a', shipyard: shipyard() }, 422, /shipyard in body: stages/],
    ['a stage twice', { name: 'a', shipyard: shipyard('dev', 'dev') }, 422, /names a stage twice/],
    ['half an upstream', { name: 'a', shipyard: shipyard('dev'), gitUser: 'me' }, 422, /give all or none/],
    ['a list', [], 400, /no JSON object/],
    ['no JSON', '{', 400, /no JSON/],
  ];
  for (const [what, body, status, message] of refusals) {
    it(`refuses a project with ${what}, and makes nothing`, async () => {
      const answer = await ask('POST /v1/project', body);
      expect(answer.status).to.equal(status);
      expect((answer.json as { message: string }).message).to.match(message);
      expect((await ask('GET /v1/project/a')).status).to.equal(404);
    });
  }

  it('makes a service with its chart in each stage, and refuses what is no chart', async () => {
    await project('shop', 'dev', 'prod');
    const helmChart = await chart({ 'carts/Chart.yaml': 'name: carts\n', 'carts/values.yaml': 'image: x\n' });
    const made = await ask('POST /v1/project/shop/service', { serviceName: 'carts', helmChart });
    expect(made.status).to.equal(200);
    for (const stage of ['dev', 'prod']) {
      const path = `/v1/project/shop/stage/${stage}/service/carts/resource/helm%2Fcarts%2Fvalues.yaml`;
      expect((await ask(`GET ${path}`)).json).to.deep.include({ resourceURI: 'helm/carts/values.yaml' });
    }
    const none = { serviceName: 'other', helmChart: Buffer.from('no chart').toString('base64') };
    const refused = await ask('POST /v1/project/shop/service', none);
    expect([refused.status, (refused.json as { message: string }).message]).to.have.nested.property('[0]', 422);
    expect((refused.json as { message: string }).message).to.include('helmChart in body is no Helm chart');
    const { json: services } = await ask('GET /v1/project/shop/stage/dev/service');
    expect(services).to.deep.include({ services: [{ serviceName: 'carts' }] });
    expect((await ask('POST /v1/project/shop/service', { serviceName: 'carts' })).status).to.equal(400);
    expect((await ask('POST /v1/project/nowhere/service', { serviceName: 'carts' })).status).to.equal(404);
    const strategies = { serviceName: 'third', deploymentStrategies: { dev: 'blue_green_service' } };
    expect((await ask('POST /v1/project/shop/service', strategies)).status).to.equal(422);
  });

  it('takes files at the paths of the gateway of 0.6.2', async () => {
    await project('files', 'dev');
    const body = { resources: [{ resourceURI: 'a/b.txt', resourceContent: Buffer.from('hello').toString('base64') }] };
    expect((await ask('POST /v1/project/files/stage/dev/resource', body)).status).to.equal(201);
    const { json } = await ask('GET /v1/project/files/stage/dev/resource/a%2Fb.txt');
    expect(json).to.deep.include({ resourceContent: 'aGVsbG8=' });
  });

  it('deletes a project with its services, and one of that name begins with none', async () => {
    await project('gone', 'dev');
    const service = { serviceName: 'carts' };
    expect((await ask('POST /v1/project/gone/service', service)).status).to.equal(200);
    const { status, json } = await ask('DELETE /v1/project/gone');
    expect(status).to.equal(200);
    const { keptnContext, token } = json as { keptnContext: string; token: string };
    const reader = await keptn.listen({ Token: token, 'Keptn-Ws-Channel-Id': keptnContext });
    await until('the end', () => reader.lines.some(({ terminate }) => terminate));
    expect(reader.lines.at(-1)?.message).to.equal('Project gone deleted');
    reader.socket.terminate();
    await until('it is gone', async () => (await ask('GET /v1/project/gone')).status === 404);
    expect((await ask('DELETE /v1/project/gone')).status).to.equal(404);
    await project('gone', 'dev');
    expect((await ask('GET /v1/project/gone/stage/dev/service')).json).to.deep.include({ services: [] });
    expect((await ask('POST /v1/project/gone/service', service)).status).to.equal(200);
  });

  it('sends events, gives the newest of a type as 0.6.2, and finds all by every filter', async () => {
    const event = { type: 'sh.keptn.events.tests-finished', source: 'me', data: { project: 'shop', stage: 'dev' } };
    const { status, json } = await ask('POST /v1/event', { ...event, shkeptncontext: '' });
    expect(status).to.equal(200);
    const context = contextIn(json);
    await ask('POST /v1/event', { ...event, shkeptncontext: context, data: { project: 'shop', n: 2 } });
    const newest = `/v1/event?keptnContext=${context}&type=${event.type}&pageSize=10`;
    await until('the second event', async () => {
      const { json: found } = await ask(`GET ${newest}`);
      return (found as { data?: { n?: number } }).data?.n === 2;
    });
    const { json: all } = await ask(`GET /v1/event?keptnContext=${context}&project=shop`);
    expect((all as { totalCount: number }).totalCount).to.equal(2);
    const missing = await ask('GET /v1/event?keptnContext=nobody&type=sh.keptn.a');
    expect(missing.json).to.deep.equal({
      code: 404,
      message: 'No Keptn sh.keptn.a event found for context: nobody',
    });
  });

  const events: [string, unknown, number][] = [
    ['no type', { source: 'me', data: {} }, 422],
    ['a type outside of Keptn', { type: 'com.example', source: 'me', data: {} }, 422],
    ['no JSON', 'hello', 400],
    ['more than 2 MiB', { type: 'sh.keptn.event.a', source: 'me', data: 'x'.repeat(3e6) }, 413],
  ];
  for (const [what, body, status] of events) {
    it(`refuses an event with ${what}`, async () => {
      expect((await ask('POST /v1/event', body)).status).to.equal(status);
    });
  }

  it('streams what happens to who wants to see it', async () => {
    const stop = new AbortController();
    const headers = { 'x-token': keptn.token };
    const response = await fetch(`${keptn.url}/v1/events?project=live&type=sh.keptn.event.*`, {
      headers,
      signal: stop.signal,
    });
    expect(response.headers.get('content-type')).to.equal('text/event-stream');
    let text = '';
    const reading = (async () => {
      for await (const chunk of response.body ?? []) text += Buffer.from(chunk as Uint8Array).toString();
    })().catch(() => undefined);
    for (const [type, name] of [
      ['sh.keptn.event.one', 'other'],
      ['sh.keptn.events.two', 'live'],
      ['sh.keptn.event.three', 'live'],
    ]) {
      await ask('POST /v1/event', { type, source: 'me', data: { project: name } });
    }
    await until('the event', () => text.includes('three'));
    expect(text.match(/^event: .*$/gm)).to.deep.equal(['event: sh.keptn.event.three']);
    stop.abort();
    await reading;
    expect((await ask('GET /v1/events?type=$JS.>')).status).to.equal(422);
  });

  it('says in one call where everything is', async () => {
    const { projects } = (await ask('GET /v1/overview')).json as {
      projects: { project: string; attention: unknown[] }[];
    };
    const [first] = projects;
    expect(first?.attention).to.deep.equal([]);
    const { json } = await ask(`GET /v1/project/${first?.project ?? ''}/overview`);
    expect(json).to.have.keys('project', 'ready', 'message', 'stages', 'services');
    expect((await ask('GET /v1/project/nowhere/overview')).status).to.equal(404);
  });

  it('describes itself', async () => {
    const document = (await (await fetch(`${keptn.url}/openapi.json`)).json()) as { paths: object; security: unknown };
    expect(document.security).to.deep.equal([{ token: [] }]);
    expect(Object.keys(document.paths)).to.deep.equal([
      '/v1/auth',
      '/v1/metadata',
      '/v1/event',
      '/v1/project',
      '/v1/project/{projectName}',
      '/v1/project/{projectName}/service',
      '/v1/configure/bridge/expose',
      '/v1/object',
      '/v1/object/{kind}/{name}',
      '/v1/overview',
      '/v1/project/{projectName}/overview',
    ]);
    expect((await fetch(`${keptn.url}/docs`)).status).to.equal(200);
    expect(await readFile(join(keptn.folder, 'api-token'), 'utf8')).to.include(keptn.token);
  });

  it('has a page that makes a call with the token that one gives it', async () => {
    const browser = await startBrowser();
    try {
      const page = await browser.newPage();
      const errors: string[] = [];
      page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
      await page.goto(`${keptn.url}/docs`);
      await page.click('.authorize');
      await page.fill('.modal-ux input', keptn.token);
      await page.click('.modal-btn.authorize');
      await page.click('.btn-done');
      await page.click('.opblock-summary-path >> nth=0');
      await page.click('.execute');
      await page.waitForSelector('.live-responses-table .response-col_status:has-text("200")');
      expect(errors).to.deep.equal([]);
    } finally {
      await browser.close();
    }
  });

  it('knows no public address of the Bridge where there is no cluster', async () => {
    const asked = await ask('POST /v1/configure/bridge/expose', true);
    expect([asked.status, asked.json]).to.have.nested.property('[1].message').that.includes('no Keptn object here');
    expect(asked.status).to.equal(404);
    expect((await ask('POST /v1/configure/bridge/expose', { expose: true })).status).to.equal(422);
  });
});
