/** The quality gate: what it says of a delivery, from the end of the tests to evaluation-done. */
import { randomUUID } from 'node:crypto';
import { KubeConfig } from '@kubernetes/client-node';
import { expect } from 'chai';
import { z } from 'zod';
import { until } from '../lib/bus/contract-parts.ts';
import { Transient } from '../lib/errors/classes.ts';
import { eventTypes } from '../lib/events/event.ts';
import { providerInCluster } from '../services/lighthouse-service/configured/cluster.ts';
import { prometheusProvider } from '../services/lighthouse-service/providers/prometheus.ts';
import { parseSlo } from '../services/lighthouse-service/scoring/slo.ts';
import { usableCluster, type UsableCluster } from './launch/given.ts';
import { startQualityGate, type QualityGate } from './launch/quality-gate.ts';

const { testsFinished, startEvaluation, getSli, getSliDone, evaluationDone } = eventTypes;
const start = '2026-03-01T10:00:00Z';
const end = '2026-03-01T10:00:30Z';
const report = {
  ...{ tool: 'jmeter', requests: 500, errors: 1, error_rate: 0.2, throughput: 40 },
  ...{ response_time_min: 3, response_time_max: 900, response_time_avg: 120 },
  ...{ response_time_p50: 100, response_time_p90: 300, response_time_p95: 400, response_time_p99: 800 },
};
const slo = (...objectives: string[]): string =>
  `objectives: [${objectives.join(', ')}]\ntotal_score: { pass: 90%, warning: 75% }\n`;
const fast = "{ sli: response_time_p95, pass: [{ criteria: ['<=600'] }] }";
const right = "{ sli: error_rate, key_sli: true, pass: [{ criteria: ['<=1'] }] }";
const noWorse = "{ sli: rt, pass: [{ criteria: ['<=+10%'] }] }";

const done = z.object({
  result: z.string(),
  evaluationdetails: z.looseObject({
    result: z.string(),
    message: z.string(),
    score: z.number(),
    sloFileContent: z.string(),
    indicatorResults: z.array(z.looseObject({ status: z.string() })).nullable(),
  }),
});

describe('the lighthouse-service', () => {
  let gate: QualityGate;
  before(async () => (gate = await startQualityGate()));
  after(() => gate.close());

  const tests = (project: string, further: object = {}) => ({
    ...{ project, stage: 'dev', service: 'carts', teststrategy: 'performance', deploymentstrategy: 'direct' },
    ...{ start, end, labels: { build: '7' }, result: 'pass', ...further },
  });
  const evaluated = async (context: string, nth = 1) => done.parse(await gate.data(context, evaluationDone, nth));
  const finish = async (project: string, further: object = {}, type: string = testsFinished) =>
    evaluated(await gate.send(type, tests(project, further)));
  /** As a provider that is a service of its own answers. */
  const answer = (project: string, values: Record<string, number>, context: string = randomUUID()) => {
    const indicatorValues = Object.entries(values).map(([metric, value]) => ({ metric, value, success: true }));
    return gate.send(getSliDone, { ...tests(project), indicatorValues }, { shkeptncontext: context });
  };

  describe('evaluates nothing, and lets the result of the tests stand,', () => {
    for (const [what, type, data, text, result] of [
      ['when no test was run', testsFinished, { teststrategy: '' }, 'no test has been executed', 'pass'],
      ['when there is no slo.yaml', testsFinished, {}, 'no SLO found for service carts', 'pass'],
      [
        'when there is none and tests have failed',
        testsFinished,
        { result: 'fail' },
        'no SLO found for service',
        'fail',
      ],
      ['when there is none and somebody asks', startEvaluation, { result: null }, 'no SLO found for service carts', ''],
      ['after a dry run', testsFinished, { dryrun: true }, 'nothing was deployed: dry run', 'pass'],
    ] as const) {
      it(what, async () => {
        const context = await gate.send(type, tests(await gate.project('jmeter'), data));
        const found = await evaluated(context);
        expect(found.result).to.equal(result);
        expect(found.evaluationdetails.result).to.include(`no evaluation performed by lighthouse because ${text}`);
        expect(found.evaluationdetails.indicatorResults).to.equal(null);
        expect(await gate.data(context)).to.deep.include({
          ...{ stage: 'dev', service: 'carts', labels: { build: '7' } },
          ...('dryrun' in data ? { dryrun: true } : {}),
        });
      });
    }
  });

  it('fails, and names the field, where slo.yaml is not valid', async () => {
    const found = await finish(await gate.project('jmeter', { 'slo.yaml': 'objectives: [{ weight: 2 }]' }));
    expect(found.result).to.equal('fail');
    expect(found.evaluationdetails.result).to.equal(
      'no evaluation performed by lighthouse because slo.yaml of service carts is not valid: objectives.0.sli: is missing',
    );
  });

  it('says failed, as 0.6.2, where no SLI provider is configured', async () => {
    const project = await gate.project(undefined, { 'slo.yaml': slo(fast) });
    const found = await finish(project);
    expect(found.result).to.equal('failed');
    expect(found.evaluationdetails.result).to.include(`no SLI-provider configured for project ${project}`);
  });

  it('fails, and names the file, where the provider cannot be read', async () => {
    const found = await finish(await gate.project("''", { 'slo.yaml': slo(fast) }));
    expect(found.result).to.equal('fail');
    expect(found.evaluationdetails.result).to.match(/lighthouse\.yaml of project p-.* is not valid: sli-provider/);
  });

  for (const [deploymentstrategy, teststrategy, deployment] of [
    ['blue_green_service', 'performance', 'canary'],
    ['blue_green_service', 'real-user', 'primary'],
    ['direct', 'functional', 'direct'],
    ['', 'manual', ''],
  ]) {
    it(`asks for values of "${deployment}" after ${teststrategy} tests of "${deploymentstrategy}"`, async () => {
      const project = await gate.project('dynatrace', { 'slo.yaml': `filter: { id: job }\n${slo(fast, right, fast)}` });
      const strategies = { teststrategy, deploymentstrategy };
      const context = await gate.send(testsFinished, tests(project, { ...strategies, report }));
      expect(await gate.data(context, getSli)).to.deep.equal({
        ...{ sliProvider: 'dynatrace', project, stage: 'dev', service: 'carts', start, end, ...strategies, deployment },
        ...{ indicators: ['response_time_p95', 'error_rate'], customFilters: [{ key: 'id', value: 'job' }] },
        ...{ labels: { build: '7' }, report },
      });
      // Another service answers, if any: this one says nothing more.
      await finish(await gate.project(undefined));
      expect(gate.events(context, getSliDone)).to.deep.equal([]);
    });
  }

  it('looks at the five minutes before an event that says no time', async () => {
    const project = await gate.project('dynatrace', { 'slo.yaml': slo(fast) });
    const data = tests(project, { start: '', end: null });
    const context = await gate.send(startEvaluation, data, { time: '2026-03-01T12:05:00Z' });
    expect(await gate.data(context, getSli)).to.include({
      ...{ start: '2026-03-01T12:00:00.000Z', end: '2026-03-01T12:05:00Z' },
    });
  });

  describe('with the values of the tests themselves (jmeter)', () => {
    it('passes a good version, in all detail, for the version of the configuration that was deployed', async () => {
      const project = await gate.project('jmeter', { 'slo.yaml': slo(fast, right) });
      const extensions = { gitcommitid: 'f'.repeat(40) };
      const context = await gate.send(testsFinished, tests(project, { report }), { extensions });
      const { evaluationdetails, ...rest } = z
        .looseObject({ evaluationdetails: z.unknown() })
        .parse(await gate.data(context));
      expect(rest).to.deep.equal({
        ...{ project, stage: 'dev', service: 'carts', teststrategy: 'performance', deploymentstrategy: 'direct' },
        ...{ labels: { build: '7' }, result: 'pass' },
      });
      const { sloFileContent, ...details } = done.shape.evaluationdetails.parse(evaluationdetails);
      const value = (metric: string, measured: number) => ({ metric, value: measured, success: true });
      expect(details).to.deep.equal({
        ...{ timeStart: start, timeEnd: end, result: 'pass', score: 100 },
        message: 'all 2 objectives are met, score 100 of 90 needed',
        indicatorResults: [
          {
            ...{ score: 1, status: 'pass', value: value('response_time_p95', 400) },
            targets: [{ criteria: '<=600', targetValue: 600, violated: false }],
          },
          {
            ...{ score: 1, status: 'pass', value: value('error_rate', 0.2) },
            targets: [{ criteria: '<=1', targetValue: 1, violated: false }],
          },
        ],
      });
      expect(parseSlo(Buffer.from(sloFileContent, 'base64').toString())).to.deep.equal(parseSlo(slo(fast, right)));
      expect(gate.events(context, evaluationDone)[0]).to.deep.include({ source: 'lighthouse-service', extensions });
    });

    it('fails a bad one, and says why in the log of the delivery as well', async () => {
      const project = await gate.project('jmeter', { 'slo.yaml': slo(fast, right) });
      const context = await gate.send(testsFinished, tests(project, { report: { ...report, response_time_p95: 812 } }));
      const found = await evaluated(context);
      const message = 'response_time_p95 is 812 (wanted <=600), score 50 of 90 needed';
      expect(found).to.deep.include({ result: 'fail' });
      expect(found.evaluationdetails).to.deep.include({ result: 'fail', score: 50, message });
      const lines = gate.events(context, eventTypes.log).map(({ data }) => data);
      expect(lines).to.containSubset([{ message: `evaluation of carts in dev: fail: ${message}` }]);
    });

    it('fails a version whose tests have failed, whatever was measured', async () => {
      const found = await finish(await gate.project('jmeter', { 'slo.yaml': slo(fast) }), { report, result: 'fail' });
      expect(found.result).to.equal('fail');
      expect(found.evaluationdetails).to.include({ result: 'fail', score: 100 });
      expect(found.evaluationdetails.message).to.match(/^the tests failed; /);
    });

    for (const [what, objective, further, message] of [
      [
        'a metric that reports do not have',
        '{ sli: cpu, pass: [{ criteria: [<5] }] }',
        { report },
        /no cpu, but requests,/,
      ],
      ['no report', fast, {}, /there is no report of tests, which would have requests, errors,/],
    ] as const) {
      it(`fails for ${what}, and names those that there are`, async () => {
        const found = await finish(await gate.project('jmeter', { 'slo.yaml': slo(objective) }), further);
        expect(found.result).to.equal('fail');
        expect(found.evaluationdetails.message).to.match(message);
      });
    }
  });

  describe('compares', () => {
    const file = `comparison: { compare_with: several_results, number_of_comparison_results: 2, include_result_with_score: pass }\n${slo(noWorse)}`;

    it('with the newest results that count, and not with evaluations that had nothing to evaluate', async () => {
      const project = await gate.project('dynatrace', { 'slo.yaml': file });
      const results: [string, unknown][] = [];
      for (const rt of [50, 54, 100, 58, 62]) {
        const context = await answer(project, { rt });
        const { result, evaluationdetails } = await evaluated(context);
        results.push([result, evaluationdetails.message]);
        await gate.history.wait({ project, type: evaluationDone }, ({ shkeptncontext }) => shkeptncontext === context);
        await finish(project, { teststrategy: '' });
      }
      const met = ['pass', 'the objective is met, score 100 of 90 needed'];
      expect(results).to.deep.equal([
        met,
        met,
        ['fail', 'rt is 100 (wanted <=+10%, here 57.2), score 0 of 90 needed'],
        // Of the last two one has failed: 54 alone counts, and 59.4 is the most.
        met,
        ['pass', 'the objective is met, score 100 of 90 needed'],
      ]);
    });

    it('never with itself: an evaluation that is done again after a crash gives the same', async () => {
      const project = await gate.project('dynatrace', { 'slo.yaml': file });
      await evaluated(await answer(project, { rt: 50 }));
      await gate.history.wait({ project, type: evaluationDone });
      const context = await answer(project, { rt: 55 });
      const first = await evaluated(context);
      await answer(project, { rt: 60 }, context);
      const second = await evaluated(context, 2);
      expect([first.result, second.result]).to.deep.equal(['pass', 'fail']);
      expect(second.evaluationdetails.message).to.include('here 55');
    });
  });

  it('fails a key SLI for which the provider gives no value', async () => {
    const project = await gate.project('dynatrace', { 'slo.yaml': slo(fast, right) });
    const found = await evaluated(await answer(project, { response_time_p95: 5 }));
    expect(found).to.include({ result: 'fail' });
    expect(found.evaluationdetails.indicatorResults?.[1]).to.deep.include({
      ...{ status: 'fail', score: 0 },
      value: { metric: 'error_rate', value: 0, success: false, message: 'the SLI provider gave no value' },
    });
  });

  it('fails values for which no slo.yaml is there any more', async () => {
    const found = await evaluated(await answer(await gate.project('dynatrace'), { rt: 1 }));
    expect(found.result).to.equal('fail');
    expect(found.evaluationdetails.result).to.include('no SLO found for service carts');
  });

  it('reads slo.yaml at the commit of the event, or as it is now when that commit has none', async () => {
    const project = await gate.project('jmeter', { 'slo.yaml': slo(fast) });
    const place = { project, stage: 'dev', service: 'carts' };
    const commit = await gate.write(place, 'other.txt', 'x');
    await gate.write(place, 'slo.yaml', slo(fast.replace('600', '1')));
    const results = [];
    for (const extensions of [{ gitcommitid: commit }, {}, { gitcommitid: 'a'.repeat(40) }, { gitcommitid: 'none' }]) {
      const context = await gate.send(testsFinished, tests(project, { report }), { extensions });
      results.push((await evaluated(context)).result);
    }
    expect(results).to.deep.equal(['pass', 'fail', 'fail', 'fail']);
  });

  it('stores the SLI provider of a project when monitoring is configured, and refuses none', async () => {
    const project = await gate.project(undefined, { 'slo.yaml': slo(fast) });
    const context = await gate.send(eventTypes.monitoringConfigure, { type: 'jmeter', project, service: 'carts' });
    const line = { message: `the SLI provider of project ${project} is jmeter`, terminate: true };
    expect(await gate.data(context, eventTypes.log)).to.deep.include(line);
    expect((await finish(project, { report })).result).to.equal('pass');
    const refused = await gate.send(eventTypes.monitoringConfigure, { type: '', project, service: 'carts' });
    expect(z.object({ message: z.string() }).parse(await gate.data(refused, eventTypes.log)).message).to.include(
      'data.type',
    );
    expect((await finish(project, { report })).result).to.equal('pass');
  });

  it('waits for the history to have the event, and goes on where it never will', async () => {
    const project = await gate.project('dynatrace', { 'slo.yaml': slo(noWorse) });
    const subscription = gate.service.subscriptions.find(({ types }) => types.includes(getSliDone));
    const lines: string[] = [];
    const say = (line: string): void => void lines.push(line);
    const say5 = { debug: say, info: say, warn: say, error: say, last: say };
    const handle = async (attempt: number) => {
      const data = subscription?.data.parse({
        ...tests(project),
        indicatorValues: [{ metric: 'rt', value: 1, success: true }],
      });
      const [id, shkeptncontext, time] = [randomUUID(), randomUUID(), new Date().toISOString()];
      const event = { id, shkeptncontext, type: getSliDone, source: 'tool', time, data };
      return subscription?.handle(event, { log: say5, attempt, signal: new AbortController().signal });
    };
    const [early, late] = await Promise.allSettled([handle(1), handle(4)]);
    expect(early.status === 'rejected' && early.reason).to.be.instanceOf(Transient);
    expect(late.status === 'fulfilled' && late.value).to.containSubset([{ data: { result: 'pass' } }]);
    expect(lines.join()).to.include('is not in the history yet: evaluated without it');
  });

  describe('with Prometheus', () => {
    const vector = (...values: string[]) => ({
      status: 200,
      body: {
        status: 'success',
        data: { resultType: 'vector', result: values.map((value) => ({ metric: {}, value: [1, value] })) },
      },
    });

    it('asks the queries of project, stage and service, filled in, at the end of the tests', async () => {
      const files = {
        'slo.yaml': `filter: { handler: 'get' }\n${slo(...['a', 'b', 'c'].map((sli) => `{ sli: ${sli}, pass: [{ criteria: [<5] }] }`))}`,
        'prometheus/sli.yaml': 'indicators: { c: "service$LABEL.build$LABEL.none$ENV.PATH$1 $handler$HANDLER" }',
      };
      const project = await gate.project('prometheus', files);
      await gate.write({ project }, 'prometheus/sli.yaml', 'indicators: { a: "project($PROJECT,$STAGE)", b: x, c: x }');
      const queries = 'indicators: { b: "stage($SERVICE-$DEPLOYMENT,$TESTSTRATEGY)[$DURATION_SECONDS]", c: y }';
      await gate.write({ project, stage: 'dev' }, 'prometheus/sli.yaml', queries);
      const { answers, asked } = gate.prometheus;
      const expected = [
        `project(${project},dev)`,
        'stage(carts-direct,performance)[30s]',
        'service7$LABEL.none$ENV.PATH$1 getget',
      ];
      for (const query of expected) answers.set(query, vector('4.5'));
      const found = await finish(project);
      expect(found.evaluationdetails.message).to.equal('all 3 objectives are met, score 100 of 90 needed');
      const mine = asked.filter((query) => expected.includes(query.get('query') ?? ''));
      expect(mine.map((query) => query.get('time'))).to.deep.equal(Array(3).fill('2026-03-01T10:00:30.000Z'));
    });

    const scalar = { status: 200, body: { status: 'success', data: { resultType: 'scalar', result: [1, '2.5'] } } };
    const error = (status: number) => ({
      status,
      body: { status: 'error', errorType: 'bad_data', error: 'parse error' },
    });
    for (const [what, given, expected] of [
      ['a vector of one', vector('1e2'), 100],
      ['a scalar', scalar, 2.5],
      ['nothing', vector(), 'the query finds nothing at the end of the evaluated time'],
      ['NaN', vector('NaN'), 'NaN is no value'],
      ['infinity', vector('+Inf'), /^\+Inf is no value$/],
      ['several series', vector('1', '2'), 'the query gives several series: make one of them, such as by sum()'],
      ['an error', error(400), 'Prometheus answered HTTP 400: parse error'],
      [
        'a range',
        { status: 200, body: { status: 'success', data: { resultType: 'matrix', result: [] } } },
        'the query gives a matrix, no single value',
      ],
      ['something else', { status: 502, body: 'bad gateway' }, 'Prometheus answered HTTP 502, and no JSON of its API'],
      ['no answer in time', undefined, /^Prometheus at http.* does not answer: /],
      ['no query', null, 'prometheus/sli.yaml has no query for rt'],
    ] as const) {
      it(`takes ${what} for ${String(expected)}`, async () => {
        const query = `of_${what.replaceAll(' ', '_')}`;
        const indicators = given === null ? {} : { rt: query };
        const project = await gate.project('prometheus', { 'prometheus/sli.yaml': JSON.stringify({ indicators }) });
        if (given) gate.prometheus.answers.set(query, given);
        const provider = prometheusProvider(gate.configuration, gate.prometheus.url);
        const { start: from, end: to, ...rest } = tests(project);
        const request = { ...rest, start: from, end: to, deployment: 'direct', sliProvider: 'prometheus' };
        const further = { indicators: ['rt'], keptnContext: 'c', commit: undefined };
        const [value] = await provider.valuesOf(
          { ...request, ...further },
          AbortSignal.timeout(given === undefined ? 100 : 5_000),
        );
        if (typeof expected === 'number') expect(value).to.deep.equal({ metric: 'rt', value: expected, success: true });
        else {
          expect(value).to.include({ metric: 'rt', value: 0, success: false });
          expect(value?.message).to.match(
            typeof expected === 'string' ? new RegExp(`^${expected.replace(/[()+]/g, '\\$&')}$`) : expected,
          );
        }
      });
    }

    it('fails, and names the file, where the queries cannot be read', async () => {
      const files = { 'slo.yaml': slo(noWorse), 'prometheus/sli.yaml': 'indicators: [a]' };
      const found = await finish(await gate.project('prometheus', files));
      expect(found.result).to.equal('fail');
      expect(found.evaluationdetails.message).to.match(
        /prometheus\/sli\.yaml of the service is not valid: indicators: /,
      );
    });

    it('asks once more where Prometheus is away for a moment', async () => {
      const { answers, asked } = gate.prometheus;
      const query = `restarting_${randomUUID()}`;
      const files = { 'slo.yaml': slo(noWorse), 'prometheus/sli.yaml': `indicators: { rt: ${query} }` };
      answers.set(query, { status: 503, body: 'starting' });
      const context = await gate.send(testsFinished, tests(await gate.project('prometheus', files)));
      const times = (): number => asked.filter((one) => one.get('query') === query).length;
      await until('the first query', () => times() === 1);
      answers.set(query, vector('7'));
      expect((await evaluated(context)).result).to.equal('pass');
      expect(times()).to.equal(2);
    });

    it('fails where the times are none', async () => {
      const project = await gate.project('prometheus', { 'slo.yaml': slo(noWorse) });
      const found = await finish(project, { start: 'yesterday' });
      expect(found.evaluationdetails.message).to.include(`yesterday to ${end} are no times`);
    });
  });
});

describe('the SLI provider of a project in a cluster', () => {
  let cluster: UsableCluster;
  before(async () => (cluster = await usableCluster()));
  after(() => cluster.stop());

  it('is in the ConfigMap of 0.6.2, unless lighthouse.yaml declares another', async () => {
    const config = new KubeConfig();
    config.loadFromFile(cluster.kubeconfig);
    const project = `p-${randomUUID()}`;
    const declared: { provider?: string } = {};
    const git = { of: async () => declared.provider, set: async () => Promise.reject(new Error('not in Git')) };
    const provider = providerInCluster(config, 'default', git);
    expect(await provider.of(project)).to.equal(undefined);
    await provider.set(project, 'dynatrace');
    await provider.set(project, 'prometheus');
    expect(await provider.of(project)).to.equal('prometheus');
    const name = `lighthouse-config-${project}`;
    expect(await cluster.kubectl('get', 'configmap', name, '-o', 'jsonpath={.data.sli-provider}')).to.equal(
      'prometheus',
    );
    declared.provider = 'jmeter';
    expect(await provider.of(project)).to.equal('jmeter');
    await cluster.kubectl('delete', 'configmap', name);
  });
});
