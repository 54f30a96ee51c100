/** Who gets into the Bridge: by token, by password, by an account elsewhere; and what nobody gets by another site. */
import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { createLog } from '../lib/observe/log.ts';
import { createProcessMetrics } from '../lib/observe/process-metrics.ts';
import type { HttpServer } from '../lib/http/server.ts';
import { startBridge } from '../services/bridge/service.ts';

const TOKEN = 'a-token-of-the-api-0123456789';
const host = '127.0.0.1';

/** An api that tells what it was asked. */
async function fakeApi(): Promise<{ url: string; asked: string[]; server: Server }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(
      `${request.method} ${request.url} ${String(request.headers['x-token'])} ${request.headers.cookie ?? '-'}`,
    );
    response.setHeader('content-type', 'application/json').end('{"keptnContext":"c","projects":[],"events":null}');
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return { url: `http://${host}:${(server.address() as AddressInfo).port}`, asked, server };
}

/** A provider that everybody is known to; `email` says as whom. */
async function provider(email: string) {
  const { publicKey, privateKey } = await generateKeyPair('RS256');
  const key = { ...(await exportJWK(publicKey)), kid: 'k', alg: 'RS256', use: 'sig' };
  const codes = new Map<string, { nonce: string; challenge: string }>();
  let issuer = '';
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', issuer);
    const json = (body: object, status = 200): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (url.pathname.startsWith('/.well-known')) {
      const [authorization_endpoint, token_endpoint, jwks_uri] = ['authorize', 'token', 'jwks'].map(
        (it) => issuer + it,
      );
      return json({ issuer, authorization_endpoint, token_endpoint, jwks_uri, response_types_supported: ['code'] });
    }
    if (url.pathname === '/jwks') return json({ keys: [key] });
    if (url.pathname === '/authorize') {
      const query = (name: string): string => url.searchParams.get(name) ?? '';
      expect(query('code_challenge_method')).to.equal('S256');
      codes.set('the-code', { nonce: query('nonce'), challenge: query('code_challenge') });
      return response
        .writeHead(302, { location: `${query('redirect_uri')}?code=the-code&state=${query('state')}` })
        .end();
    }
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const form = new URLSearchParams(body);
      const known = codes.get(form.get('code') ?? '');
      const challenge = createHash('sha256')
        .update(form.get('code_verifier') ?? '')
        .digest('base64url');
      if (known?.challenge !== challenge) return json({ error: 'invalid_grant' }, 400);
      const { nonce } = known;
      void new SignJWT({ email, email_verified: true, nonce })
        .setProtectedHeader({ alg: 'RS256', kid: 'k' })
        .setIssuer(issuer)
        .setAudience('bridge')
        .setSubject('somebody')
        .setIssuedAt()
        .setExpirationTime('5m')
        .sign(privateKey)
        .then((id_token) => json({ access_token: 'x', token_type: 'bearer', id_token }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  issuer = `http://${host}:${(server.address() as AddressInfo).port}/`;
  return { issuer, server };
}

describe("the Bridge's door", () => {
  const open: { close(): unknown }[] = [];
  let api: Awaited<ReturnType<typeof fakeApi>>;
  let bridge: HttpServer;
  const log = createLog('test', 'silent');
  const common = () => ({ api: api.url, version: '0.6.2', host, port: 0, metrics: createProcessMetrics(), log });
  const access = { token: TOKEN, tokenLogin: true, basic: { user: 'keptn', password: 'sesame open' } };
  before(async () => {
    api = await fakeApi();
    bridge = await startBridge({ ...common(), access });
    open.push(bridge, api.server);
  });
  after(async () => {
    for (const one of open) await one.close();
  });

  const post = (
    path: string,
    body: unknown,
    headers: Record<string, string> = {},
    url = bridge.url,
  ): Promise<Response> =>
    fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  const logIn = async (credentials: object): Promise<{ cookie: string; csrf: string }> => {
    const response = await post('/auth/login', credentials);
    expect(response.status).to.equal(200);
    const { csrf } = (await response.json()) as { csrf: string };
    return { cookie: (response.headers.get('set-cookie') ?? '').split(';')[0] ?? '', csrf };
  };
  const event = { type: 'sh.keptn.event.delivery.pause', shkeptncontext: 'c', data: { project: 'p', service: 's' } };

  it('is shut without a login, the page itself aside, and sends strict headers', async () => {
    for (const path of ['/v1/overview', '/v1/events', '/v1/event', '/api/project', '/api']) {
      expect((await fetch(bridge.url + path)).status, path).to.equal(401);
    }
    const { headers } = await fetch(`${bridge.url}/project/deep/link`);
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).to.include("script-src 'self'").and.to.include("frame-ancestors 'none'");
    expect(policy).not.to.include('unsafe');
    expect(headers.get('x-content-type-options')).to.equal('nosniff');
  });

  it('takes the token or a password, and gives a cookie that no script and no other site can use', async () => {
    for (const credentials of [{ token: TOKEN }, { user: 'keptn', password: 'sesame open' }]) {
      const response = await post('/auth/login', credentials);
      const cookie = response.headers.get('set-cookie') ?? '';
      expect(cookie)
        .to.match(/HttpOnly/)
        .and.to.match(/SameSite=Strict/);
      expect(cookie).not.to.include(TOKEN);
      const asked = await fetch(`${bridge.url}/v1/overview`, { headers: { cookie: cookie.split(';')[0] ?? '' } });
      expect(asked.status).to.equal(200);
    }
    // The api gets the token of the Bridge, and no cookie.
    expect(api.asked.at(-1)).to.equal(`GET /v1/overview ${TOKEN} -`);
  });

  it('has a cookie that is Secure where the Bridge is reached by https', async () => {
    const secure = await startBridge({ ...common(), access, publicUrl: 'https://bridge.example.com' });
    open.push(secure);
    const response = await post('/auth/login', { token: TOKEN }, {}, secure.url);
    expect(response.headers.get('set-cookie')).to.match(/^__Host-keptn-bridge=.*Secure/);
  });

  it('writes only for its own page: with the token of the session, from its own origin', async () => {
    const { cookie, csrf } = await logIn({ token: TOKEN });
    const statusOf = async (headers: Record<string, string>): Promise<number> =>
      (await post('/v1/event', event, headers)).status;
    expect(await statusOf({ cookie })).to.equal(403);
    expect(await statusOf({ cookie, 'x-csrf-token': 'guessed' })).to.equal(403);
    expect(await statusOf({ cookie, 'x-csrf-token': csrf, origin: 'https://evil.example' })).to.equal(403);
    expect(await statusOf({ 'x-token': TOKEN })).to.equal(401);
    expect(await statusOf({ cookie, 'x-csrf-token': csrf })).to.equal(200);
    expect((await post('/auth/login', { token: TOKEN }, { origin: 'https://evil.example' })).status).to.equal(403);
  });

  it('sends nothing but what the page has buttons for', async () => {
    const { cookie, csrf } = await logIn({ token: TOKEN });
    const headers = { cookie, 'x-csrf-token': csrf };
    const other = { ...event, type: 'sh.keptn.internal.event.project.delete' };
    expect((await post('/v1/event', other, headers)).status).to.equal(422);
    expect((await post('/v1/project', {}, headers)).status).to.equal(405);
  });

  it('takes no cookie that is forged, and none after the token has changed', async () => {
    const { cookie } = await logIn({ token: TOKEN });
    const renewed = await startBridge({ ...common(), access: { ...access, token: `${TOKEN}-new` } });
    open.push(renewed);
    expect((await fetch(`${renewed.url}/v1/overview`, { headers: { cookie } })).status).to.equal(401);
    const forged = `${cookie.slice(0, -4)}AAAA`;
    expect((await fetch(`${bridge.url}/v1/overview`, { headers: { cookie: forged } })).status).to.equal(401);
  });

  it("answers 0.6.2's Bridge server calls, to a session or to a user with a password", async () => {
    const authorization = `Basic ${Buffer.from('keptn:sesame open').toString('base64')}`;
    const get = async (path: string): Promise<unknown> =>
      (await fetch(bridge.url + path, { headers: { authorization } })).json();
    expect(await get('/api/')).to.deep.equal({ version: '0.6.2' });
    const calls: [path: string, asked: RegExp][] = [
      ['/api/project', /^GET \/v1\/project\?pageSize=50 /],
      ['/api/project/p/stage/s/service', /^GET \/v1\/project\/p\/stage\/s\/service\?pageSize=50 /],
      ['/api/roots/p/s', /^GET \/v1\/event\?.*root=true&project=p&service=s/],
      ['/api/traces/c', /^GET \/v1\/event\?.*pageSize=100&keptnContext=c/],
      ['/api/events?contextId=c&projectName=p', /^GET \/v1\/event\?.*keptnContext=c&project=p/],
    ];
    for (const [path, asked] of calls) {
      await get(path);
      expect(api.asked.at(-1), path).to.match(asked);
    }
  });

  it('lets in who is allowed at an OIDC provider, and nobody else', async () => {
    for (const [email, isAllowed] of [
      ['jane@example.com', true],
      ['eve@elsewhere.example', false],
    ] as const) {
      const { issuer, server } = await provider(email);
      const settings = { issuer, clientId: 'bridge', scope: 'openid email', insecure: true, label: 'Log in' };
      const own = await startBridge({
        ...common(),
        access: { token: TOKEN, tokenLogin: false },
        oidc: { ...settings, allow: ['@example.com'] },
      });
      open.push(own, server);
      const begun = await fetch(`${own.url}/auth/oidc?to=/log`, { redirect: 'manual' });
      const cookie = (begun.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
      expect(begun.headers.get('set-cookie')).to.include('SameSite=Lax').and.to.include('HttpOnly');
      const back = (await fetch(begun.headers.get('location') ?? '', { redirect: 'manual' })).headers.get('location');
      const done = await fetch(back ?? '', { headers: { cookie }, redirect: 'manual' });
      const session = done.headers.getSetCookie().find((one) => one.startsWith('keptn-bridge='));
      expect(session !== undefined, email).to.equal(isAllowed);
      if (isAllowed) expect(await done.text()).to.include('url=/log');
      // Without the cookie of the try the answer of the provider is worth nothing.
      const stolen = await fetch(back ?? '', { redirect: 'manual' });
      expect(stolen.headers.getSetCookie().some((one) => one.startsWith('keptn-bridge='))).to.equal(false);
      expect((await post('/auth/login', { token: TOKEN }, {}, own.url)).status).to.equal(401);
    }
  });

  it('slows down who guesses', async () => {
    const statuses = new Set<number>();
    for (let nth = 0; nth < 15; nth += 1) statuses.add((await post('/auth/login', { token: `${nth}` })).status);
    expect([...statuses]).to.deep.equal([401, 429]);
  });
});
