/** What the http runner understands of a JMeter plan, against a real server. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { httpRunner } from '../services/jmeter-service/http/runner.ts';
import { jmeterRunner } from '../services/jmeter-service/jmeter-runner.ts';
import { samplesIn } from '../services/jmeter-service/jtl.ts';
import type { Sample } from '../services/jmeter-service/measure.ts';
import type { Measured, Runner } from '../services/jmeter-service/runner.ts';
import { sockshopPlans, startCarts, type Carts } from './launch/carts.ts';
import { realJmeter } from './launch/jmeter.ts';
import * as jmx from './launch/plans.ts';

/** What is asserted about a request for a path, and whether it passes. */
const judgements: readonly (readonly [what: string, asserted: string, path: string, works: boolean])[] = [
  ['a 404 fails by itself', '', '/nothing', false],
  ['a status that equals the expected one passes', jmx.assertion(8, ['200']), '/health', true],
  ['a status that does not equal it fails', jmx.assertion(8, ['201']), '/health', false],
  ['a 404 that is expected fails all the same', jmx.assertion(8, ['404']), '/nothing', false],
  ['a 404 that is expected passes where the status is ignored', jmx.assertion(8, ['404'], true), '/nothing', true],
  ['a pattern has to match all of the status', jmx.assertion(1, ['2.']), '/health', false],
  ['a pattern that matches all of it passes', jmx.assertion(1, ['2..']), '/health', true],
  ['a pattern may be contained', jmx.assertion(2, ['2.$']), '/health', false],
  ['a part of the status may be contained', jmx.assertion(16, ['20']), '/health', true],
  ['what must not be fails', jmx.assertion(8 + 4, ['200']), '/health', false],
  ['one of several is enough with or', jmx.assertion(8 + 32, ['201', '200']), '/health', true],
  ['all of several have to hold without', jmx.assertion(8, ['201', '200']), '/health', false],
  ['a body may be asserted', jmx.assertion(16, ['{}'], false, 'response_data'), '/health', true],
  ['a body that is another one fails', jmx.assertion(16, ['up'], false, 'response_data'), '/health', false],
];

async function samplesOf(file: string): Promise<Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of samplesIn(file)) samples.push(sample);
  return samples;
}

describe('the http runner', () => {
  let carts: Carts;
  beforeEach(async () => (carts = await startCarts()));
  afterEach(() => carts.close());

  interface Given {
    properties?: Record<string, string>;
    reportFile?: string;
    signal?: AbortSignal;
    runner?: Runner;
  }
  const run = (
    plan: string,
    { properties = {}, reportFile, signal, runner = httpRunner }: Given = {},
  ): Promise<Measured> => {
    const { hostname, port } = new URL(carts.url);
    const target = {
      PROTOCOL: 'http',
      SERVER_URL: hostname,
      SERVER_PORT: port,
      CHECK_PATH: '/health',
      DT_LTN: 'Perf_1',
    };
    return runner.run({
      plan: Buffer.from(plan),
      properties: { ...target, ThinkTime: '0', ...properties },
      reportFile,
      progress: () => undefined,
      signal: signal ?? new AbortController().signal,
    });
  };
  const failure = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'it did not fail',
      (error: unknown) => (error as Error).message,
    );
  const simple = (below: string[], settings: jmx.GroupSettings = {}): string =>
    jmx.planWith([jmx.defaults(), jmx.group(below, settings)]);

  it("runs sockshop's plan: each user fills a cart of their own, looks at it and empties it", async () => {
    const plan = (await sockshopPlans()).get('jmeter/load.jmx') ?? '';
    const { report, firstFailure } = await run(plan, { properties: { VUCount: '3', LoopCount: '2' } });
    expect(firstFailure).to.equal('');
    expect(report).to.include({ tool: 'http', requests: 18, errors: 0, error_rate: 0 });
    expect(report.response_time_p50).to.be.within(report.response_time_min, report.response_time_p99);
    const third = carts.asked.filter(({ url }) => url.startsWith('/carts/jmeter-3'));
    expect(third.map(({ method, url }) => `${method} ${url}`).slice(0, 3)).to.deep.equal([
      'POST /carts/jmeter-3/items',
      'GET /carts/jmeter-3/items',
      'DELETE /carts/jmeter-3',
    ]);
    expect(JSON.parse(third[0]?.body ?? '')).to.deep.equal({ itemId: 'striped-socks', quantity: 1, unitPrice: 9.5 });
    expect(third[0]?.headers).to.include({
      'content-type': 'application/json',
      'x-dynatrace-test': 'VU=3;SI=jmeter;TSN=add item;LTN=Perf_1',
    });
  });

  it("runs plans as those of Keptn's tutorials are: variables in defaults, a marking script, cookies", async () => {
    carts.instead = (_, response) => {
      response.setHeader('set-cookie', 'user=u1; Path=/');
      return false;
    };
    const script = 'hm.removeHeaderNamed("x-dynatrace-test"); hm.add(new Header("x-dynatrace-test", headerValue));';
    const address = [
      jmx.text('HTTPSampler.domain', '${__P(SERVER_URL,${SERVER_URL})}'),
      jmx.text('HTTPSampler.port', '${__P(SERVER_PORT,${SERVER_PORT})}'),
      jmx.text('HTTPSampler.protocol', '${__P(SERVER_PROTOCOL,${SERVER_PROTOCOL})}'),
    ];
    const steps = [
      jmx.element('CookieManager', 'Cookies', []),
      jmx.element('BeanShellPreProcessor', 'Set Dynatrace Headers', [jmx.text('script', script)]),
      jmx.sampler('Check', 'GET', '${__P(CHECK_PATH,${CHECK_PATH})}', address),
      // Not a function for want of a $, and for JMeter no delay.
      jmx.timer('{__P(ThinkTime,${DefaultThinkTime})}'),
    ];
    const variables = {
      SERVER_URL: 'nowhere.invalid',
      SERVER_PROTOCOL: 'http',
      CHECK_PATH: '/',
      DefaultThinkTime: '9999',
    };
    const plan = jmx.planWith([jmx.group(steps), jmx.element('ResultCollector', 'Results', [])], variables);
    const { report } = await run(plan, { properties: { LoopCount: '2', ThinkTime: '9999' } });
    expect(report).to.include({ requests: 2, errors: 0 });
    expect(carts.asked.map(({ url }) => url)).to.deep.equal(['/health', '/health']);
    expect(carts.asked.map(({ headers }) => headers.cookie)).to.deep.equal([undefined, 'user=u1']);
    expect(carts.asked[0]?.headers['x-dynatrace-test']).to.equal('TSN=Check;LTN=Perf_1;VU=1;');
  });

  it('sends arguments in the address, in a form or as the body, encoded where the plan says so', async () => {
    const encoded = jmx.bool('HTTPArgument.always_encode', true);
    await run(
      simple([
        jmx.sampler('query', 'GET', '/a?b=1', [jmx.args('HTTPsampler.Arguments', { text: 'x y&z' }, encoded)]),
        jmx.sampler('form', 'POST', '/form', [jmx.args('HTTPsampler.Arguments', { name: 'ü', id: '1' }, encoded)]),
        jmx.sampler('raw', 'PUT', '/raw', [
          jmx.bool('HTTPSampler.postBodyRaw', true),
          jmx.args('HTTPsampler.Arguments', { '': '{"id": "${__UUID}",\n"n": ${__threadNum}}' }),
        ]),
      ]),
    );
    const [query, form, raw] = carts.asked;
    expect(query?.url).to.equal('/a?b=1&text=x+y%26z');
    expect(form).to.include({ method: 'POST', body: 'name=%C3%BC&id=1' });
    expect(form?.headers['content-type']).to.equal('application/x-www-form-urlencoded; charset=UTF-8');
    expect(raw?.body).to.match(/^\{"id": "[0-9a-f-]{36}",\n"n": 1\}$/);
    expect(raw?.headers['content-type']).to.equal('text/plain; charset=UTF-8');
  });

  it('takes the nearest of several defaults and headers, and leaves out what is switched off', async () => {
    const below = [jmx.headers({ 'x-a': 'sampler' })];
    const plan = simple([
      jmx.headers({ 'x-a': 'group', 'x-b': 'group' }),
      jmx.sampler('one', 'GET', '/one', [], below),
      jmx.element('HTTPSamplerProxy', 'off', [jmx.text('HTTPSampler.path', '/off')], [], false),
      jmx.element('IfController', 'off too', [], [], false),
    ]);
    await run(plan);
    expect(carts.asked.map(({ url }) => url)).to.deep.equal(['/one']);
    expect(carts.asked[0]?.headers).to.include({ 'x-a': 'sampler', 'x-b': 'group' });
  });

  it('repeats what is in a loop, and waits before each request as all timers in its scope say', async () => {
    const loop = jmx.element(
      'LoopController',
      'Thrice',
      [jmx.text('LoopController.loops', '3')],
      [jmx.sampler('in', 'GET', '/in', [], [jmx.timer('${__P(ThinkTime)}')])],
    );
    const plan = simple([
      jmx.timer('10'),
      loop,
      jmx.element('GenericController', 'Simple', [], [jmx.sampler('out', 'GET', '/out')]),
    ]);
    const began = Date.now();
    const { report } = await run(plan, { properties: { ThinkTime: '40', LoopCount: '2' } });
    expect(carts.asked.map(({ url }) => url).join(' ')).to.equal('/in /in /in /out /in /in /in /out');
    // Six times 50 ms and twice 10.
    expect(Date.now() - began).to.be.within(310, 2_000);
    expect(report.response_time_max).to.be.below(300);
  });

  it('starts its users one by one within the ramp-up time', async () => {
    const began = Date.now();
    const at: number[] = [];
    carts.instead = () => (at.push(Date.now() - began), false);
    await run(simple([jmx.sampler('health', 'GET', '/health')], { users: '4', rampUp: '1' }));
    expect(at[0]).to.be.below(250);
    expect(at[3]).to.be.within(740, 1_500);
  });

  it('ends a thread group whose time is over', async () => {
    const more = [jmx.bool('ThreadGroup.scheduler', true), jmx.text('ThreadGroup.duration', '1')];
    const began = Date.now();
    const { report } = await run(
      simple([jmx.timer('20'), jmx.sampler('health', 'GET', '/health')], { loops: '-1', more }),
    );
    expect(Date.now() - began).to.be.within(900, 2_500);
    expect(report.requests).to.be.within(5, 50);
  });

  for (const [what, asserted, path, works] of judgements) {
    it(`judges answers as JMeter: ${what}`, async () => {
      const { report } = await run(simple([jmx.sampler('ask', 'GET', path, [], asserted === '' ? [] : [asserted])]));
      expect(report.errors).to.equal(works ? 0 : 1);
    });
  }

  it('says of the first failure which request it was, what came and what was expected', async () => {
    const { firstFailure } = await run(simple([jmx.sampler('buy', 'GET', '/health', [], [jmx.assertion(8, ['201'])])]));
    expect(firstFailure).to.equal('buy: 200 came where 201 was expected');
  });

  it('counts a service that is away, and one that is too slow, as failures with a reason', async () => {
    carts.instead = ({ url }) => url === '/slow';
    const away = [jmx.text('HTTPSampler.domain', '127.0.0.1'), jmx.text('HTTPSampler.port', '1')];
    const { report, firstFailure } = await run(
      simple([
        jmx.sampler('slow', 'GET', '/slow', [jmx.text('HTTPSampler.response_timeout', '100')]),
        jmx.sampler('away', 'GET', '/', away),
      ]),
    );
    expect(report).to.include({ requests: 2, errors: 2, error_rate: 100 });
    expect(firstFailure).to.match(/^slow: http:.*: no answer within 0.1 s$/);
  });

  for (const [onError, paths] of [
    ['continue', '/bad /health /bad /health'],
    ['startnextloop', '/bad /bad'],
    ['stopthread', '/bad'],
    ['stoptest', '/bad'],
  ] as const) {
    it(`does after a failure what the plan says: ${onError}`, async () => {
      const steps = [jmx.sampler('bad', 'GET', '/bad'), jmx.sampler('health', 'GET', '/health')];
      await run(simple(steps, { loops: '2', onError }));
      expect(carts.asked.map(({ url }) => url).join(' ')).to.equal(paths);
    });
  }

  it('follows redirects where the plan says so', async () => {
    carts.instead = ({ url }, response) =>
      url === '/old' && Boolean(response.writeHead(302, { location: '/health' }).end());
    const followed = await run(simple([jmx.sampler('old', 'GET', '/old', [], [jmx.assertion(8, ['200'])])]));
    const stay = [jmx.text('HTTPSampler.path', '/old'), jmx.text('HTTPSampler.method', 'GET')];
    const seen = await run(simple([jmx.element('HTTPSamplerProxy', 'old', stay, [jmx.assertion(8, ['302'])])]));
    expect([followed.report.errors, seen.report.errors]).to.deep.equal([0, 0]);
  });

  for (const [what, below, named] of [
    ['a JDBC sampler', [jmx.element('JDBCSampler', 'select', [])], 'a JDBC sampler'],
    ['an if controller', [jmx.element('IfController', 'if', [])], 'an if controller'],
    ['a timer of another kind', [jmx.element('UniformRandomTimer', 'wait', [])], 'a uniform random timer'],
    ['a script', [jmx.element('JSR223PreProcessor', 'groovy', [])], 'a JSR223 pre processor'],
    ['another function', [jmx.sampler('x', 'GET', '/${__Random(1,9)}')], 'the function __Random'],
    [
      'two things',
      [
        jmx.sampler(
          'x',
          'GET',
          '/',
          [],
          [jmx.element('RegexExtractor', 'id', []), jmx.element('JSONPostProcessor', 'id', [])],
        ),
      ],
      'a regex extractor and a JSON post processor',
    ],
  ] as const) {
    it(`does not pretend to run a plan with ${what}, and sends nothing`, async () => {
      const plan = simple([jmx.sampler('health', 'GET', '/health'), ...below]);
      expect(await failure(run(plan))).to.equal(`has ${named}, which the http runner cannot run: install JMeter`);
      expect(carts.asked).to.deep.equal([]);
    });
  }

  for (const [what, plan, reason] of [
    ['no XML', 'import http from "k6/http";', /^is no JMeter plan: char 'i' is not expected/],
    ['XML that is cut', '<jmeterTestPlan><hashTree>', /^is no JMeter plan: /],
    ['other XML', '<project><modelVersion/></project>', /^is no JMeter plan: it has no jmeterTestPlan/],
    [
      'XML with entities of its own',
      '<!DOCTYPE x [<!ENTITY a "b">]><jmeterTestPlan/>',
      /^is no JMeter plan: it has a document type/,
    ],
    ['a plan without users', jmx.planWith([]), /^has no thread group$/],
    ['a plan without requests', jmx.planWith([jmx.group([])]), /^made no request$/],
    ['a plan without an end', jmx.planWith([jmx.group([], { loops: '-1' })]), /^has a thread group without an end/],
    [
      'a number that is none',
      jmx.planWith([jmx.group([], { users: 'many' })]),
      /^has a number of users that is no number: many$/,
    ],
    ['more users than can be', jmx.planWith([jmx.group([], { users: '100000' })]), /^has 100000 users: /],
  ] as const) {
    it(`says what is wrong with ${what}`, async () => {
      expect(await failure(run(plan))).to.match(reason);
    });
  }

  it('runs ten users with five hundred loops in bounded memory', async () => {
    const plan = simple([jmx.sampler('health', 'GET', '/health')]);
    const before = process.memoryUsage().rss;
    const { report } = await run(plan, { properties: { VUCount: '10', LoopCount: '500' } });
    expect(report).to.include({ requests: 5_000, errors: 0 });
    expect(process.memoryUsage().rss - before).to.be.below(200 * 1024 * 1024);
  });

  it('stops at once when it is aborted, with the reason', async () => {
    carts.instead = () => true;
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error('enough')), 200);
    const began = Date.now();
    const work = run(simple([jmx.sampler('health', 'GET', '/health')], { users: '5' }), { signal: stop.signal });
    expect(await failure(work)).to.equal('enough');
    expect(Date.now() - began).to.be.below(1_000);
  });

  it("writes each request to a file that JMeter's tools read", async () => {
    const folder = await mkdtemp(join(tmpdir(), 'keptn-jtl-'));
    const reportFile = join(folder, 'result.jtl');
    await run(simple([jmx.sampler('a, &quot;b&quot;', 'GET', '/bad'), jmx.sampler('health', 'GET', '/health')]), {
      reportFile,
    });
    const lines = (await readFile(reportFile, 'utf8')).trimEnd().split('\n');
    expect(lines[0]).to.equal('timeStamp,elapsed,label,responseCode,threadName,success,failureMessage,URL');
    const samples = await samplesOf(reportFile);
    expect(samples.map(({ label, success, code }) => ({ label, success, code }))).to.deep.equal([
      { label: 'a, "b"', success: false, code: '404' },
      { label: 'health', success: true, code: '200' },
    ]);
    await rm(folder, { recursive: true });
  });

  it('sends and judges the same as the JMeter of this machine', async function () {
    const program = await realJmeter();
    if (program === undefined) return this.skip();
    const encoded = jmx.bool('HTTPArgument.always_encode', true);
    const body = jmx.args('HTTPsampler.Arguments', { '': '{"n": ${__threadNum}, "x": "${who} <&>"}' });
    const many = { 'a b': 'x y&z=ü+', c: '1~(2)*' };
    const steps = [
      jmx.headers({ 'x-a': 'group', 'x-b': '${__samplerName()} of ${who}' }),
      jmx.element('CookieManager', 'Cookies', []),
      jmx.sampler('query', 'GET', '/a?b=1', [jmx.args('HTTPsampler.Arguments', many, encoded)]),
      jmx.sampler('plain', 'GET', '/a', [jmx.args('HTTPsampler.Arguments', { a: 'b', c: '/d' })]),
      jmx.sampler('form', 'POST', 'no-slash', [jmx.args('HTTPsampler.Arguments', many, encoded)]),
      jmx.sampler('nothing', 'POST', '/nothing'),
      jmx.sampler(
        'raw',
        'PUT',
        '/raw',
        [jmx.bool('HTTPSampler.postBodyRaw', true), body],
        [jmx.headers({ 'x-a': 'own' })],
      ),
      jmx.sampler('delete', 'DELETE', '/carts/${__P(NAME,${who})}'),
      jmx.sampler('head', 'HEAD', '/health', [jmx.args('HTTPsampler.Arguments', many, encoded)]),
      jmx.sampler('old', 'POST', '/old', [body]),
      jmx.element('HTTPSamplerProxy', 'stay', [
        jmx.text('HTTPSampler.path', '/old'),
        jmx.text('HTTPSampler.method', 'GET'),
      ]),
      ...judgements.map(([what, asserted, path]) =>
        jmx.sampler(what, 'GET', path, [], asserted === '' ? [] : [asserted]),
      ),
    ];
    carts.instead = ({ url }, response) => {
      response.setHeader('set-cookie', 'user=u1; Path=/');
      return url === '/old' && Boolean(response.writeHead(302, { location: '/health' }).end());
    };
    const plan = jmx.planWith([jmx.defaults(), jmx.group(steps, { loops: '2' })], { who: 'somebody' });
    const folder = await mkdtemp(join(tmpdir(), 'keptn-jtl-'));
    const seenBy = async (runner: Runner): Promise<object> => {
      carts.asked.splice(0);
      const reportFile = join(folder, 'result.jtl');
      await run(plan, { runner, reportFile });
      const samples = (await samplesOf(reportFile)).map(({ label, success }) => ({ label, success }));
      const asked = carts.asked.map(({ method, url, body: sent, headers }) => {
        const { 'content-type': type, cookie, 'x-a': a, 'x-b': b } = headers;
        return { method, url, sent, type, cookie, a, b };
      });
      return { samples, asked };
    };
    expect(await seenBy(httpRunner)).to.deep.equal(await seenBy(jmeterRunner(program)));
    await rm(folder, { recursive: true });
  });
});
