/** The websocket of 0.6.2: what is said in a keptn context, for who has its token. */
import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { expect } from 'chai';
import { startStandalone, until, type Reader, type Standalone } from './launch/standalone.ts';

const shipyard = Buffer.from('stages:\n- name: dev\n  deployment_strategy: direct\n').toString('base64');
const told = ['Project', 'Stage', 'Shipyard successfully processed'];

describe('the websocket', () => {
  let keptn: Standalone;
  let serial = 0;

  before(async () => {
    keptn = await startStandalone();
  });
  after(() => keptn.stop());

  const headersOf = (token: string, context: string) => ({ Token: token, 'Keptn-Ws-Channel-Id': context });

  async function created(): Promise<{ keptnContext: string; token: string }> {
    const { json } = await keptn.ask('POST /v1/project', { name: `shop-${(serial += 1)}`, shipyard });
    return json as { keptnContext: string; token: string };
  }

  const isDone = ({ lines }: Reader): boolean => lines.some(({ terminate }) => terminate);

  function expectWhole({ lines }: Reader): void {
    expect(lines).to.have.length(3);
    for (const [n, start] of told.entries()) expect(lines[n]?.message).to.match(new RegExp(`^${start}`));
    expect(lines.map(({ terminate }) => terminate)).to.deep.equal([false, false, true]);
  }

  it('tells what becomes of a project, in order and to its end, to a reader who comes at once, late, or again', async () => {
    const { keptnContext, token } = await created();
    const early = await keptn.listen(headersOf(token, keptnContext));
    await until('the end', () => isDone(early));
    const late = await keptn.listen(headersOf(token, keptnContext));
    await until('the end', () => isDone(late));
    late.socket.close();
    await late.closed;
    const again = await keptn.listen(headersOf(token, keptnContext));
    await until('the end', () => isDone(again));
    for (const reader of [early, late, again]) {
      expectWhole(reader);
      reader.socket.terminate();
    }
  });

  it('tells a warning as the command line of 0.6.2 knows it', async () => {
    const data = { message: 'mind the gap', loglevel: 'WARN', terminate: true };
    const { json } = await keptn.ask('POST /v1/event', { type: 'sh.keptn.events.log', source: 'me', data });
    const { keptnContext, token } = json as { keptnContext: string; token: string };
    const reader = await keptn.listen(headersOf(token, keptnContext));
    await until('it is told', () => isDone(reader));
    expect(reader.lines[0]).to.include({ message: 'mind the gap', loglevel: 'INFO' });
    reader.socket.terminate();
  });

  it('tells 200 readers at once', async () => {
    const { keptnContext, token } = await created();
    const readers = await Promise.all(Array.from({ length: 200 }, () => keptn.listen(headersOf(token, keptnContext))));
    await until('all ends', () => readers.every(isDone), 20);
    for (const reader of readers) {
      expectWhole(reader);
      reader.socket.terminate();
    }
  });

  const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = (secret: string, claims: object, header: object = { alg: 'HS256', typ: 'JWT' }): string => {
    const content = `${encoded(header)}.${encoded(claims)}`;
    return `${content}.${createHmac('sha256', secret).update(content).digest('base64url')}`;
  };
  const soon = Math.floor(Date.now() / 1000) + 600;
  const forgeries: [string, (context: string, secret: string) => string][] = [
    ['none', () => ''],
    ['one signed with another secret', (keptnContext) => signed('another secret', { keptnContext, exp: soon })],
    ['one that has ended', (keptnContext, secret) => signed(secret, { keptnContext, exp: soon - 1200 })],
    ['one without an end', (keptnContext, secret) => signed(secret, { keptnContext })],
    ['one of another context', (_context, secret) => signed(secret, { keptnContext: 'another', exp: soon })],
    [
      'one that is not signed',
      (keptnContext) => `${encoded({ alg: 'none' })}.${encoded({ keptnContext, exp: soon })}.`,
    ],
  ];
  for (const [what, forge] of forgeries) {
    it(`is closed to a token that is ${what}`, async () => {
      const { keptnContext } = await created();
      const forged = forge(keptnContext, keptn.token);
      const refused = await keptn.listen(headersOf(forged, keptnContext)).then(
        () => 'opened',
        (error: unknown) => String(error),
      );
      expect(refused).to.include('401');
    });
  }

  it('is closed to web pages', async () => {
    const { keptnContext, token } = await created();
    const headers = { ...headersOf(token, keptnContext), origin: 'https://example.com' };
    expect(await keptn.listen(headers).catch(String)).to.include('401');
  });

  it('takes log lines of services for the context of their token, and nothing else', async () => {
    const { keptnContext, token } = await created();
    const reader = await keptn.listen(headersOf(token, keptnContext));
    await until('the end', () => isDone(reader));
    const line = (changes: object): string =>
      JSON.stringify({
        ...{ specversion: '0.2', contentType: 'application/json', type: 'sh.keptn.events.log', source: 'helm-service' },
        ...{
          id: `line-${(serial += 1)}`,
          time: '2020-05-28 07:43:38.312 +0000 UTC m=+0.1',
          shkeptncontext: keptnContext,
        },
        data: { message: 'deploying', terminate: false, loglevel: 'INFO' },
        ...changes,
      });
    const service = await keptn.listen({ Token: token });
    service.socket.send(line({}));
    await until('the line', () => reader.lines.some(({ message }) => message === 'deploying'));
    for (const wrong of [line({ shkeptncontext: 'another' }), line({ type: 'sh.keptn.event.a' }), 'no JSON']) {
      const other = await keptn.listen({ Token: token });
      other.socket.send(wrong);
      expect(await other.closed).to.equal(1008);
    }
    for (const one of [service, reader]) one.socket.terminate();
  });

  it('cuts off a reader who does not read, and goes on for the others', async () => {
    const { keptnContext, token } = await created();
    const { hostname, port } = new URL(keptn.url);
    const slow = connect({ host: hostname, port: Number(port) });
    let isClosed = false;
    slow.once('close', () => (isClosed = true)).once('error', () => undefined);
    slow.write(
      `GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
        `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\nToken: ${token}\r\nKeptn-Ws-Channel-Id: ${keptnContext}\r\n\r\n`,
    );
    slow.pause();
    const reader = await keptn.listen(headersOf(token, keptnContext));
    const service = await keptn.listen({ Token: token });
    const message = 'x'.repeat(50_000);
    for (let n = 0; n < 400; n += 1) {
      const data = { message, terminate: false, loglevel: 'INFO' };
      const envelope = { specversion: '0.2', type: 'sh.keptn.events.log', source: 'a', shkeptncontext: keptnContext };
      service.socket.send(JSON.stringify({ ...envelope, id: `flood-${n}`, data }));
    }
    await until('all lines', () => reader.lines.filter((one) => one.message === message).length === 400, 30);
    slow.resume();
    await until('the slow one is cut off', () => isClosed, 20);
    for (const one of [service, reader]) one.socket.terminate();
  });
});
