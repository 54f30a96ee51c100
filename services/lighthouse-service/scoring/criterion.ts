/** One criterion, such as `<=+10%` or `<600`. A sign or `%` makes it a comparison with the results before. */

const operators = {
  '<': (value: number, target: number) => value < target,
  '<=': (value: number, target: number) => value <= target,
  '=': (value: number, target: number) => value === target,
  '>=': (value: number, target: number) => value >= target,
  '>': (value: number, target: number) => value > target,
};
type Operator = keyof typeof operators;

export interface Criterion {
  operator: Operator;
  /** Without its sign. */
  value: number;
  comparison: boolean;
  percent: boolean;
  /** Of a comparison: more than before, or less; without a sign more. */
  increase: boolean;
}

const pattern = /^(<=|>=|<|>|=)([+-]?)(\d+\.?\d*|\.\d+)((?:[eE][+-]?\d+)?)(%?)$/;

/** Undefined for what is no criterion. */
export function parseCriterion(given: string): Criterion | undefined {
  const [, operator = '', sign = '', digits = '', exponent = '', percent = ''] =
    pattern.exec(given.replace(/\s/g, '')) ?? [];
  const value = Number(digits + exponent);
  if (!isOperator(operator) || !Number.isFinite(value)) return undefined;
  const comparison = sign !== '' || percent !== '';
  return { operator, value, comparison, percent: percent !== '', increase: comparison && sign !== '-' };
}

/** `base`: what a comparison starts from. */
export function targetOf({ comparison, percent, increase, value }: Criterion, base: number): number {
  if (!comparison) return value;
  const signed = increase ? value : -value;
  return percent ? (base * (100 + signed)) / 100 : base + signed;
}

export function satisfies(value: number, { operator }: Criterion, target: number): boolean {
  return operators[operator](value, target);
}

const isOperator = (text: string): text is Operator => Object.hasOwn(operators, text);
