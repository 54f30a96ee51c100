/** What an evaluation gives for which values: the cases that Keptn 0.6.2 fixed, and those that it got wrong. */
import { expect } from 'chai';
import fc from 'fast-check';
import { parseCriterion, satisfies, targetOf } from '../services/lighthouse-service/scoring/criterion.ts';
import { evaluate } from '../services/lighthouse-service/scoring/evaluate.ts';
import { baseOf, percentile, type Previous } from '../services/lighthouse-service/scoring/history.ts';
import { sentenceOf } from '../services/lighthouse-service/scoring/sentence.ts';
import { comparedResults, type Comparison, type Slo } from '../services/lighthouse-service/scoring/slo.ts';

const several: Comparison = {
  compare_with: 'several_results',
  include_result_with_score: 'pass',
  number_of_comparison_results: 2,
  aggregate_function: 'avg',
};
const previousOf = (value: number, status = 'pass', metric = 'rt', success = true): Previous => ({
  status,
  value: { metric, value, success },
});
const tens = [previousOf(10), previousOf(10)];

interface Objective {
  sli?: string;
  /** Sets with `|`, criteria in a set with `&`. */
  pass?: string;
  warning?: string;
  weight?: number;
  key?: boolean;
}
const setsOf = (text?: string) => text?.split('|').map((set) => ({ criteria: set.split('&') })) ?? null;

function sloOf(objectives: readonly Objective[], comparison = several, pass = '90%', warning = '75%'): Slo {
  return {
    ...{ spec_version: '1.0', filter: null, comparison, total_score: { pass, warning } },
    objectives: objectives.map((one) => ({
      ...{ sli: one.sli ?? 'rt', pass: setsOf(one.pass), warning: setsOf(one.warning) },
      ...{ weight: one.weight ?? 1, key_sli: one.key ?? false },
    })),
  };
}
const measured = (values: Record<string, number>) =>
  Object.entries(values).map(([metric, value]) => ({ metric, value, success: true }));

describe('a criterion', () => {
  const rows: [string, string, number, boolean, boolean, boolean][] = [
    ['<10', '<', 10, false, false, false],
    ['<=10', '<=', 10, false, false, false],
    ['=10', '=', 10, false, false, false],
    ['>=10', '>=', 10, false, false, false],
    ['>10', '>', 10, false, false, false],
    ['>-10%', '>', 10, true, true, false],
    ['<=+10.5%', '<=', 10.5, true, true, true],
    ['<=+10', '<=', 10, true, false, true],
    ['  <=+10   %', '<=', 10, true, true, true],
    ['  <=10%', '<=', 10, true, true, true],
    ['=0%', '=', 0, true, true, true],
    ['>=-5', '>=', 5, true, false, false],
    ['< 1e3', '<', 1000, false, false, false],
    ['<.5', '<', 0.5, false, false, false],
  ];
  for (const [text, operator, value, comparison, percent, increase] of rows) {
    it(`"${text}" is read as 0.6.2 reads it`, () => {
      expect(parseCriterion(text)).to.deep.equal({ operator, value, comparison, percent, increase });
    });
  }
  for (const text of ['', '10', '?10', '<', '<=abc', '==5', '<500ms', '<Infinity', '<1e999', '<5%%', '=>5', '<|5']) {
    it(`"${text}" is none, and never satisfied`, () => {
      expect(parseCriterion(text)).to.equal(undefined);
      expect(evaluate(sloOf([{ pass: text }]), measured({ rt: 5 }), []).result).to.equal('fail');
    });
  }
  const operators: [number, string, number, boolean][] = [
    [10, '>', 9, true],
    [10, '>=', 10, true],
    [10, '<=', 10, true],
    [10, '<', 10, false],
    [10, '>', 10, false],
    [10, '=', 9, false],
    [10, '=', 10, true],
  ];
  for (const [value, operator, target, expected] of operators) {
    it(`${value} ${operator} ${target} is ${expected}`, () => {
      const criterion = parseCriterion(`${operator}${target}`);
      expect(criterion && satisfies(value, criterion, targetOf(criterion, 0))).to.equal(expected);
    });
  }
});

describe('what was before', () => {
  const upToTen = [10, 0, 9, 1, 8, 2, 7, 3, 6, 4, 5];
  for (const [share, values, expected] of [
    [0.5, upToTen, 5],
    [0.9, upToTen, 9.8],
    [0.95, upToTen, 10],
    [0.5, [5, 10], 7.5],
    [0.9, [7], 7],
    [0.1, [3, 4], 3],
  ] as const) {
    it(`has the percentile ${share * 100} of ${values.join(' ')} at ${expected}`, () => {
      expect(percentile(values, share)).to.be.closeTo(expected, 1e-9);
    });
  }
  const mixed = [
    previousOf(10, 'pass'),
    previousOf(20, 'warning'),
    previousOf(60, 'fail'),
    previousOf(1000, 'pass', 'rt', false),
    previousOf(1000, 'fail', 'rt', false),
  ];
  for (const [include, aggregate, expected] of [
    ['pass', 'avg', 10],
    ['pass_or_warn', 'avg', 15],
    ['all', 'avg', 30],
    ['all', 'p50', 20],
    ['all', 'p90', 60],
    ['all', 'p95', 60],
  ] as const) {
    it(`counts ${include} by ${aggregate}: ${expected}, and never a value that could not be measured`, () => {
      const comparison = { ...several, include_result_with_score: include, aggregate_function: aggregate };
      expect(baseOf(mixed, comparison)).to.equal(expected);
    });
  }
  it('is nothing when no result counts', () => {
    expect(baseOf([previousOf(1, 'fail')], several)).to.equal(undefined);
  });
  for (const [how, expected] of [
    ['single_result', 1],
    ['several_results', 2],
    ['', 3],
  ] as const) {
    it(`is ${expected} results with compare_with "${how}"`, () => {
      expect(comparedResults({ ...several, compare_with: how })).to.equal(expected);
    });
  }
});

describe('an objective', () => {
  type Row = [what: string, objective: Objective, value: number, previous: Previous[], status: string, score: number];
  const wide = { pass: '<=15.0|<=+10%', warning: '<=20.0|<=+15%' };
  const rows: Row[] = [
    ['10 is no more than 10 and 10 %', { pass: '<=+10%' }, 10, tens, 'pass', 1],
    ['11.01 is more than 10 and 10 %', { pass: '<=+10%' }, 11.01, tens, 'fail', 0],
    ['10 is not less than before', { pass: '<+0%' }, 10, tens, 'fail', 0],
    ['10 is not more than before', { pass: '>+0%' }, 10, tens, 'fail', 0],
    ['11 is 1 more', { pass: '=+1' }, 11, tens, 'pass', 1],
    ['9 is 1 less', { pass: '=-1' }, 9, tens, 'pass', 1],
    ['10 is at least 10 less 10 %', { pass: '>=-10%' }, 10, tens, 'pass', 1],
    ['8.9 is less than 10 less 10 %', { pass: '>=-10%' }, 8.9, tens, 'fail', 0],
    ['a percentage without a sign is an increase', { pass: '<=10%' }, 11, tens, 'pass', 1],
    ['blanks do not matter', { pass: ' <= + 10 % ' }, 11, tens, 'pass', 1],
    ['a threshold needs nothing before', { pass: '<=10' }, 10, [], 'pass', 1],
    ['both of a set hold', { pass: '<=+10%&<=10.0' }, 10, tens, 'pass', 1],
    ['one of a set does not hold', { pass: '<=+10%&<=10.0' }, 11, tens, 'fail', 0],
    ['one of two sets is enough', { pass: '<=10.0|<=+10%' }, 11, tens, 'pass', 1],
    ['neither of two sets', { pass: '<=10.0|<=+10%' }, 20, tens, 'fail', 0],
    ['a warning is half', wide, 16, [previousOf(10)], 'warning', 0.5],
    ['a warning of weight 3 is 1.5', { ...wide, weight: 3 }, 16, tens, 'warning', 1.5],
    ['beyond the warning is nothing', wide, 21, tens, 'fail', 0],
    ['pass is looked at first', { ...wide, weight: 2 }, 10, tens, 'pass', 2],
    ['no criteria: information', {}, 10, tens, 'info', 0],
    ['a warning alone is information', { warning: '<1' }, 10, tens, 'info', 0],
    ['issue 1125: no history does not excuse a threshold', { pass: '<=+20%&<500' }, 1011.07, [], 'fail', 0],
    [
      'issue 1263: what could not be measured is no history',
      { pass: '<=+20%' },
      100,
      [previousOf(0, 'fail', 'rt', false)],
      'pass',
      1,
    ],
    ['the first version meets a comparison', { pass: '<=+10%' }, 1e6, [], 'pass', 1],
    ['other SLIs are no history', { pass: '<=+10%' }, 1e6, [previousOf(1, 'pass', 'other')], 'pass', 1],
    ['a criterion that is none spoils its set', { pass: '<=x&<99' }, 1, [], 'fail', 0],
    ['a criterion that is none spoils no other set', { pass: '<=x|<99' }, 1, [], 'pass', 1],
  ];
  for (const [what, objective, value, previous, status, score] of rows) {
    it(`${what}: ${status}`, () => {
      const [result] = evaluate(sloOf([objective]), measured({ rt: value }), previous).indicatorResults;
      expect([result?.status, result?.score]).to.deep.equal([status, score]);
    });
  }

  it('shows the targets of the warning, then those of pass', () => {
    const [result] = evaluate(sloOf([wide]), measured({ rt: 16 }), [previousOf(10)]).indicatorResults;
    expect(result?.targets).to.deep.equal([
      { criteria: '<=20.0', targetValue: 20, violated: false },
      { criteria: '<=+15%', targetValue: 11.5, violated: true },
      { criteria: '<=15.0', targetValue: 15, violated: true },
      { criteria: '<=+10%', targetValue: 11, violated: true },
    ]);
  });
  it('shows 0 as the target of a comparison with nothing', () => {
    const [result] = evaluate(sloOf([{ pass: '<=+20%&<500' }]), measured({ rt: 1011 }), []).indicatorResults;
    expect(result?.targets).to.deep.equal([
      { criteria: '<=+20%', targetValue: 0, violated: false },
      { criteria: '<500', targetValue: 500, violated: true },
    ]);
  });
  for (const [what, values] of [
    ['has no value', [{ metric: 'rt', value: 0, success: false, message: 'away' }]],
    ['is not among the values', []],
  ] as const) {
    it(`that ${what} fails every criterion, though it is a key SLI in the shadow of others`, () => {
      const slo = sloOf([
        { pass: '<9|<=+10%', warning: '<=20', key: true },
        { sli: 'ok', pass: '<9', weight: 99 },
      ]);
      const evaluation = evaluate(slo, [...values, ...measured({ ok: 1 })], tens);
      expect(evaluation).to.deep.include({ result: 'fail', score: 99 });
      const [result] = evaluation.indicatorResults;
      expect(result?.value).to.include({ metric: 'rt', success: false });
      expect(result?.value.message).to.match(/away|gave no value/);
      expect(result?.targets?.map(({ violated }) => violated)).to.deep.equal([true, true, true]);
    });
  }
});

describe('the total', () => {
  type Row = [what: string, slo: Slo, values: Record<string, number>, result: string, score: number];
  const two = (further: Objective = {}): Objective[] => [
    { sli: 'a', pass: '<=15' },
    { sli: 'b', pass: '<=15', warning: '<=20', ...further },
  ];
  const rows: Row[] = [
    ['all met', sloOf(two()), { a: 10, b: 10 }, 'pass', 100],
    ['a warning of two', sloOf(two()), { a: 10, b: 16 }, 'warning', 75],
    ['half is not enough', sloOf(two()), { a: 10, b: 99 }, 'fail', 50],
    ['a key SLI fails', sloOf(two({ key: true })), { a: 10, b: 99 }, 'fail', 50],
    ['a key SLI fails the rest', sloOf(two({ key: true }), several, '50', '10'), { a: 10, b: 99 }, 'fail', 50],
    ['a key SLI that warns does not fail', sloOf(two({ key: true })), { a: 10, b: 16 }, 'warning', 75],
    ['a key SLI of information cannot fail', sloOf([{ sli: 'a', key: true }]), { a: 10 }, 'pass', 100],
    ['information alone', sloOf([{ sli: 'a' }, { sli: 'b' }]), { a: 1, b: 2 }, 'pass', 100],
    ['no objectives', sloOf([]), {}, 'pass', 100],
    ['information does not count', sloOf([...two(), { sli: 'c', weight: 50 }]), { a: 1, b: 1, c: 1 }, 'pass', 100],
    ['weights', sloOf(two({ weight: 3 })), { a: 99, b: 1 }, 'warning', 75],
    ['percent without its sign', sloOf(two(), several, '75', '50'), { a: 1, b: 16 }, 'pass', 75],
    ['exactly what is needed', sloOf(two(), several, '50%', ''), { a: 1, b: 99 }, 'pass', 50],
    ['no warning is given', sloOf(two(), several, '80%', ''), { a: 1, b: 16 }, 'fail', 75],
    ['0 % is always reached', sloOf(two(), several, '0%', ''), { a: 99, b: 99 }, 'pass', 0],
    ['0 % is not reached by a key SLI', sloOf(two({ key: true }), several, '0%', '0'), { a: 1, b: 99 }, 'fail', 50],
    ['one SLI in two objectives', sloOf([{ pass: '<9' }, { pass: '<5' }]), { rt: 7 }, 'fail', 50],
  ];
  for (const [what, slo, values, result, score] of rows) {
    it(`${what}: ${result} with ${score}`, () => {
      expect(evaluate(slo, measured(values), [])).to.deep.include({ result, score });
    });
  }

  const text = (slo: Slo, values: Record<string, number>, previous: Previous[] = []): string =>
    sentenceOf(slo, evaluate(slo, measured(values), previous));
  const sentences: [string, string][] = [
    [text(sloOf(two()), { a: 812, b: 1 }), 'a is 812 (wanted <=15), score 50 of 90 needed'],
    [text(sloOf(two()), { a: 1, b: 2 }), 'all 2 objectives are met, score 100 of 90 needed'],
    [text(sloOf(two()), { a: 1, b: 16 }), 'b is 16 (wanted <=15), score 75 of 90 needed, 75 for a warning'],
    [
      text(sloOf([{ pass: '<=+10%&<5|<2', key: true }]), { rt: 12.3456789 }, tens),
      'rt, a key SLI, is 12.3457 (wanted <=+10%, here 11 and <5 or <2), score 0 of 90 needed',
    ],
    [text(sloOf([{ pass: '<1' }]), {}), 'rt has no value (the SLI provider gave no value), score 0 of 90 needed'],
    [text(sloOf([{}]), { rt: 1 }), 'no objective has criteria, so there is nothing to fail'],
  ];
  for (const [sentence, expected] of sentences) it(`says: ${expected}`, () => expect(sentence).to.equal(expected));
});

describe('whatever is measured', () => {
  const value = fc.double({ min: 0, max: 1000, noNaN: true });
  const criterion = fc
    .tuple(fc.constantFrom('<=', '<'), fc.constantFrom('', '+', '-'), fc.nat(1000), fc.constantFrom('', '%'))
    .map((parts) => parts.join(''));
  const set = fc.array(criterion, { minLength: 1, maxLength: 3 }).map((criteria) => criteria.join('&'));
  const sets = fc.array(set, { minLength: 1, maxLength: 3 }).map((all) => all.join('|'));
  const optional = fc.option(sets, { nil: undefined });
  const objectives = fc.uniqueArray(
    fc.record({
      sli: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      ...{ pass: optional, warning: optional, weight: fc.integer({ min: 1, max: 9 }), key: fc.boolean() },
    }),
    { selector: ({ sli }) => sli },
  );
  const values = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e'), value);
  const previous = fc.array(
    fc
      .tuple(value, fc.constantFrom('pass', 'warning', 'fail', 'info'), fc.constantFrom('a', 'b', 'c', 'd', 'e'))
      .map(([before, status, metric]) => previousOf(before, status, metric)),
  );
  const defined = (all: { sli: string; pass: string | undefined; warning: string | undefined }[]): Objective[] =>
    all.map(({ pass, warning, ...rest }) => ({ ...rest, ...(pass ? { pass } : {}), ...(warning ? { warning } : {}) }));
  const rank = { fail: 0, warning: 1, pass: 2 };

  it('the score is from 0 to 100', () => {
    fc.assert(
      fc.property(objectives, values, previous, (all, given, before) => {
        const { score } = evaluate(sloOf(defined(all)), measured(given), before);
        expect(score).to.be.within(0, 100);
      }),
    );
  });
  it('a lower value never lowers the score, nor the result, where lower is better', () => {
    fc.assert(
      fc.property(
        objectives,
        values,
        previous,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (all, given, before, part) => {
          const slo = sloOf(defined(all));
          for (const metric of Object.keys(given)) {
            const worse = evaluate(slo, measured(given), before);
            const better = evaluate(slo, measured({ ...given, [metric]: (given[metric] ?? 0) * part }), before);
            expect(better.score).to.be.at.least(worse.score);
            expect(rank[better.result]).to.be.at.least(rank[worse.result]);
          }
        },
      ),
    );
  });
  it('the order of the objectives, and of the values, does not matter', () => {
    fc.assert(
      fc.property(objectives, values, previous, (all, given, before) => {
        const one = evaluate(sloOf(defined(all)), measured(given), before);
        const other = evaluate(sloOf(defined(all.toReversed())), measured(given).toReversed(), before);
        expect([other.result, other.score]).to.deep.equal([one.result, one.score]);
        expect(other.indicatorResults.toReversed()).to.deep.equal(one.indicatorResults);
      }),
    );
  });
});
