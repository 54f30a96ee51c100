/** From the objectives of slo.yaml to alerts: which expression, which are none and why, and what is refused. */
import { parser } from '@prometheus-io/lezer-promql';
import { expect } from 'chai';
import { Terminal } from '../lib/errors/classes.ts';
import { builtInQueries } from '../services/lighthouse-service/providers/built-in-queries.ts';
import { parseSlo, type Objective } from '../services/lighthouse-service/scoring/slo.ts';
import { alertsOf, type Alerts } from '../services/prometheus-service/alerts.ts';
import { groupsOf } from '../services/prometheus-service/monitoring/rules.ts';
import { vectorOf } from '../services/prometheus-service/promql.ts';

const objectives = (list: object[]): Objective[] => {
  const parsed = parseSlo(JSON.stringify({ objectives: list, total_score: { pass: '90%' } }));
  if ('problem' in parsed) throw new Error(parsed.problem);
  return parsed.slo.objectives;
};
const source = (query: string | undefined) => ({
  queries: new Map(query === undefined ? [] : [['rt', query]]),
  fill: (text: string) => text.replaceAll('$STAGE', 'prod'),
  where: 'of carts in prod',
});
/** Of one objective with these sets of criteria. */
const alerts = (sets: string[][] | undefined, query: string | undefined = 'q'): Alerts =>
  alertsOf(objectives([{ sli: 'rt', pass: sets?.map((criteria) => ({ criteria })) }]), source(query));
const isPromql = (text: string): boolean => {
  let errors = 0;
  parser.parse(text).iterate({ enter: ({ type }) => void (errors += type.isError ? 1 : 0) });
  return errors === 0;
};
const refused = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof Terminal) return error.message;
    throw error;
  }
  throw new Error('it is not refused');
};

describe('an alert', () => {
  for (const [sets, expression, wanted] of [
    [[['<600']], '(q) >= 600', '<600'],
    [[['<=600']], '(q) > 600', '<=600'],
    [[['> 10']], '(q) <= 10', '>10'],
    [[['>=10']], '(q) < 10', '>=10'],
    [[['=0']], '(q) != 0', '=0'],
    [[['<0.05']], '(q) >= 0.05', '<0.05'],
    [[['<1e21']], '(q) >= 1e+21', '<1e21'],
    [[['>10', '<=600']], '(q) <= 10 or (q) > 600', '>10 and <=600'],
    [[['<600'], ['<800']], '(q) >= 600 and (q) >= 800', '<600 or <800'],
    [[['<600', '>1'], ['=0']], '((q) >= 600 or (q) <= 1) and (q) != 0', '<600 and >1 or =0'],
    [[['<=+10%', '<600']], '(q) >= 600', '<600'],
  ] as const) {
    it(`for ${JSON.stringify(sets)} fires at ${expression}`, () => {
      const [alert, ...others] = alerts(sets.map((set) => [...set])).alerts;
      expect([alert, others]).to.deep.equal([{ name: 'rt', expression, wanted }, []]);
      expect(isPromql(expression)).to.equal(true);
    });
  }

  for (const [query, operand] of [
    ['sum(rate(a{b="c"}[180s]))', '(sum(rate(a{b="c"}[180s])))'],
    ['a or b', '(a or b)'],
    ['a{stage="$STAGE"}', '(a{stage="prod"})'],
    ['sum(a) # of all', '(sum(a) # of all\n)'],
    ['sum(a)\n', '(sum(a))'],
    ['7', 'vector(7)'],
    ['-(1 + time())', 'vector(-(1 + time()))'],
    ['scalar(a) * 2', 'vector(scalar(a) * 2)'],
    ['scalar(a) * b', '(scalar(a) * b)'],
    ['a offset 5m', '(a offset 5m)'],
    ['max_over_time(rate(a[1m])[5m:1m])', '(max_over_time(rate(a[1m])[5m:1m]))'],
    ['quantile_over_time(0.9, a[5m] offset 1m)', '(quantile_over_time(0.9, a[5m] offset 1m))'],
    ['topk by (b) (1, a)', '(topk by (b) (1, a))'],
  ] as const) {
    it(`takes the query ${JSON.stringify(query)}`, () => {
      const expression = alerts([['<6']], query).alerts[0]?.expression ?? '';
      expect(expression).to.equal(`${operand} >= 6`);
      expect(isPromql(expression)).to.equal(true);
    });
  }

  it('is raised once for an SLI that has two objectives', () => {
    const twice = [
      { sli: 'rt', pass: [{ criteria: ['<600'] }] },
      { sli: 'rt', pass: [{ criteria: ['>1'] }] },
    ];
    expect(alertsOf(objectives(twice), source('q')).alerts).to.deep.equal([
      { name: 'rt', expression: '(q) >= 600 or (q) <= 1', wanted: '<600, and >1' },
    ]);
  });

  for (const [what, sets, query, reason] of [
    ['no criteria', undefined, 'q', 'rt is no alert: it has no pass criteria'],
    ['a set that always holds', [['<6'], []], 'q', 'rt is no alert: a set without criteria always holds'],
    ['comparisons alone', [['<=+10%', '>-5']], 'q', 'rt is no alert: <=+10% and >-5 compares with results before'],
    ['a set of comparisons', [['<6'], ['<=5%']], 'q', 'rt is no alert: <=5% compares with results before'],
    ['no query', [['<6']], '', 'rt is no alert: prometheus/sli.yaml has no query for it'],
    ['a label', [['<6']], 'a{b="$LABEL.build"}', 'rt is no alert: its query has $LABEL.build, which is of a delivery'],
  ] as const) {
    it(`is not made of ${what}, which is said`, () => {
      const given = sets?.map((set) => [...set]);
      const found = alertsOf(
        objectives([{ sli: 'rt', pass: given?.map((criteria) => ({ criteria })) }]),
        source(query === '' ? undefined : query),
      );
      expect(found).to.deep.equal({ alerts: [], leftOut: [reason] });
    });
  }

  it('says which criterion it goes without', () => {
    expect(alerts([['<=+10%', '<600']]).leftOut).to.deep.equal([
      'rt is an alert without <=+10%, which compares with results before',
    ]);
  });

  for (const [query, problem] of [
    ['sum(a', 'is no PromQL at its end: sum(a'],
    ['a{b="c"}[$UNKNOWN]', 'is no PromQL at "$UNKNOWN]": a{b="c"}[$UNKNOWN]'],
    ['a b', 'is no PromQL at "b": a b'],
    ['rate(a[5m]', 'is no PromQL at its end: rate(a[5m]'],
    ['sum(a[5m])', 'has a range too many, or lacks one, at "sum(a[5m])": sum(a[5m])'],
    ['rate(a)', 'has a range too many, or lacks one, at "rate(a)": rate(a)'],
    ['a[5m] > 1', 'has a range too many, or lacks one, at "a[5m] > 1": a[5m] > 1'],
    ['a[5m]', 'gives a range, no single value: a[5m]'],
    ['"a"', 'gives a string, no single value: "a"'],
  ] as const) {
    it(`refuses the query ${query}`, () => {
      expect(vectorOf(query)).to.deep.equal({ problem });
      const message = refused(() => alerts([['<6']], query));
      expect(message).to.equal(`prometheus/sli.yaml of carts in prod: indicators.rt: ${problem}`);
    });
  }

  it('refuses what is no criterion, by its place in the file', () => {
    const message = refused(() => alerts([['<6'], ['<7', 'fast']]));
    expect(message).to.equal(
      'slo.yaml of carts in prod: objectives.0.pass.1.criteria.1: "fast" is no criterion, such as "<600"',
    );
  });

  it('has labels that say where it is, and braces of a name are no template', () => {
    const alert = { name: 'rt{{x}}', expression: 'a > 1', wanted: '<=1' };
    const stages = [{ stage: 'prod', jobs: [], deployment: 'carts-primary', alerts: [alert] }];
    const scrape = { path: '/metrics', interval: '5s' };
    const [group] = groupsOf({ project: 'shop', service: 'carts', scrape, stages });
    expect(group?.rules[0]).to.deep.include({
      ...{ alert: 'rt{{x}}', for: '10m' },
      labels: { severity: 'webhook', project: 'shop', stage: 'prod', service: 'carts', pod_name: 'carts-primary' },
    });
    expect(group?.rules[0]?.annotations.description).to.equal('rt{{"{{"}}x}} is {{ $value }}, wanted <=1');
  });
});

describe('a built-in query', () => {
  const place = { project: 'shop', stage: 'prod', service: 'carts', deployment: 'primary' };
  const customFilters = [
    { key: 'handler', value: 'Items"Controller' },
    { key: 'path', value: '!~"/health.*"' },
    { key: 'no label', value: 'x' },
  ];

  it('looks at the scrape job of the deployment, with the filters of slo.yaml', () => {
    const queries = builtInQueries({ ...place, customFilters });
    expect(queries.get('throughput')).to.equal(
      'sum(rate(http_requests_total{job="carts-shop-prod-primary",handler="Items\\"Controller",path!~"/health.*"}[$DURATION_SECONDS]))',
    );
    expect(builtInQueries({ ...place, deployment: 'direct' }).get('throughput')).to.include('job="carts-shop-prod"');
  });

  it('is PromQL, whatever the filters are', () => {
    for (const filters of [[], customFilters]) {
      for (const [sli, query] of builtInQueries({ ...place, customFilters: filters })) {
        expect(vectorOf(query.replaceAll('$DURATION_SECONDS', '180s')), sli).to.have.property('vector');
      }
    }
  });
});
