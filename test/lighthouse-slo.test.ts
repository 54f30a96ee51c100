/** What a slo.yaml may say, what it means where it says nothing, and what is not accepted. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { evaluate } from '../services/lighthouse-service/scoring/evaluate.ts';
import { parseSlo, showSlo, type Slo } from '../services/lighthouse-service/scoring/slo.ts';

const measured = (values: Record<string, number>) =>
  Object.entries(values).map(([metric, value]) => ({ metric, value, success: true }));
const valid = (text: string): Slo => {
  const parsed = parseSlo(text);
  if ('problem' in parsed) throw new Error(parsed.problem);
  return parsed.slo;
};
const problemOf = (text: string): string => {
  const parsed = parseSlo(text);
  return 'problem' in parsed ? parsed.problem : 'none';
};

describe('slo.yaml', () => {
  const one = "objectives: [{ sli: a, pass: [{ criteria: ['<5'] }] }]\n";
  const objectives = `
objectives:
  - sli: responseTime95
    pass: [{ criteria: ['<=+10%'] }, { criteria: ['<200'] }]
    warning: [{ criteria: ['<+15%', '>-8%', '<500'] }]
  - { sli: security_vulnerabilities, weight: 2, pass: [{ criteria: ['=0'] }] }
  - { sli: sql_statements, key_sli: true, pass: [{ criteria: ['=0%'] }, { criteria: ['<100'] }] }
`;
  const score = "total_score: { pass: '90%', warning: 75% }\n";
  const whole = `---\nspec_version: '1.0'\nfilter: { id: job }${objectives}${score}`;

  it('has the defaults of 0.6.2 where it says nothing of a comparison', () => {
    const slo = valid(whole);
    expect(slo.comparison).to.deep.equal({
      ...{ compare_with: 'single_result', include_result_with_score: 'all' },
      ...{ number_of_comparison_results: 1, aggregate_function: 'avg' },
    });
    expect(slo.objectives.map(({ weight, key_sli }) => [weight, key_sli])).to.deep.equal([
      [1, false],
      [2, false],
      [1, true],
    ]);
    expect(slo).to.deep.include({ filter: { id: 'job' }, total_score: { pass: '90%', warning: '75%' } });
  });
  it('has other defaults where it says a part', () => {
    expect(valid(`${whole}comparison: { compare_with: single_result }`).comparison).to.deep.equal({
      ...{ compare_with: 'single_result', include_result_with_score: 'all' },
      ...{ number_of_comparison_results: 3, aggregate_function: 'avg' },
    });
  });
  it('may say it all', () => {
    const comparison = {
      ...{ compare_with: 'single_result', include_result_with_score: 'pass' },
      ...{ number_of_comparison_results: 3, aggregate_function: 'p90' },
    };
    expect(valid(`${whole}comparison: ${JSON.stringify(comparison)}`).comparison).to.deep.equal(comparison);
  });
  it('may leave out quotes, and have weight 0 for the default', () => {
    const slo = valid(
      '{spec_version: 1.0, objectives: [{sli: a, weight: 0, pass: [{criteria: [<5]}]}], total_score: {pass: 90}}',
    );
    expect(slo.total_score.pass).to.equal('90');
    expect(slo.objectives[0]).to.deep.include({ weight: 1, pass: [{ criteria: ['<5'] }], warning: null });
  });
  it('is shown with all fields in the order of the alphabet, and says the same again', () => {
    const shown = showSlo(valid(whole));
    expect(shown.match(/^\w+(?=:)/gm)).to.deep.equal([
      ...['comparison', 'filter', 'objectives', 'spec_version', 'total_score'],
    ]);
    expect(shown).to.include('aggregate_function: avg').and.to.include('key_sli: false');
    for (const content of [whole, 'objectives: [{ sli: a }]', `${one}total_score: { pass: 9 }`]) {
      expect(valid(showSlo(valid(content)))).to.deep.equal(valid(content));
    }
  });

  for (const [what, content, problem] of [
    ['is empty', '', /value: .*expected object/],
    ['is no YAML', 'objectives: [', /./],
    ['has a key twice', `${one}${one}${score}`, /unique/],
    ['has no objectives', score, /^objectives: is missing/],
    ['has no total_score', one, /^total_score\.pass: is missing/],
    ['has a total_score of words', `${one}total_score: { pass: most }`, /^total_score\.pass: must be a percentage/],
    ['wants more than all', `${one}total_score: { pass: '110%' }`, /^total_score\.pass: must be a percentage/],
    ['has a warning of words', `${one}total_score: { pass: 9, warning: x }`, /^total_score\.warning: must be/],
    ['has an objective without sli', `objectives: [{ weight: 2 }]\n${score}`, /^objectives\.0\.sli: is missing/],
    ['has criteria that are no list', `objectives: [{ sli: a, pass: [{ criteria: '<5' }] }]\n${score}`, /criteria/],
    ['has a weight below 0', `objectives: [{ sli: a, weight: -1 }]\n${score}`, /^objectives\.0\.weight/],
    ['counts what nobody knows', `${one}${score}comparison: { include_result_with_score: good }`, /include_result/],
    ['sums up in a way nobody knows', `${one}${score}comparison: { aggregate_function: max }`, /aggregate_function/],
  ] as const) {
    it(`that ${what} is not valid, and it is said why`, () => expect(problemOf(content)).to.match(problem));
  }
  it('of docs/quality-gates.md gives what that page says', async () => {
    const page = await readFile(join(import.meta.dirname, '../docs/quality-gates.md'), 'utf8');
    const slo = valid(/```yaml\n(spec_version[^]*?)```/.exec(page)?.[1] ?? '');
    const before = [500, 520, 540].flatMap((value) => [
      { status: 'pass', value: { metric: 'response_time_p95', value, success: true } },
      { status: 'pass', value: { metric: 'error_rate', value: 0.4, success: true } },
    ]);
    const given = { response_time_p95: 610, error_rate: 0.3, throughput: 41 };
    const { result, score } = evaluate(slo, measured(given), before);
    expect([result, score.toFixed(1)]).to.deep.equal(['warning', '83.3']);
    const failed = evaluate(slo, measured({ ...given, error_rate: 3 }), before);
    expect([failed.result, failed.score.toFixed(1)]).to.deep.equal(['fail', '16.7']);
  });
  it('of information alone needs no total_score', () => {
    expect(valid('objectives: [{ sli: a }]').total_score).to.deep.equal({ pass: '', warning: '' });
  });
});
