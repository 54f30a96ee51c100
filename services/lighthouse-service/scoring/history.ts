/** One value out of those that an SLI had before. */
import type { Comparison } from './slo.ts';

/** What an evaluation before this one said about an SLI. */
export interface Previous {
  status: string;
  value: { metric: string; value: number; success: boolean };
}

const included: Record<Comparison['include_result_with_score'], (status: string) => boolean> = {
  all: () => true,
  pass_or_warn: (status) => status === 'pass' || status === 'warning',
  pass: (status) => status === 'pass',
};

const aggregates: Record<Comparison['aggregate_function'], (values: readonly number[]) => number> = {
  avg: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
  p50: (values) => percentile(values, 0.5),
  p90: (values) => percentile(values, 0.9),
  p95: (values) => percentile(values, 0.95),
};

/** Undefined when there is nothing to compare with. */
export function baseOf(previous: readonly Previous[], comparison: Comparison): number | undefined {
  const counts = included[comparison.include_result_with_score];
  const values = previous
    .filter(({ status, value }) => value.success && counts(status))
    .map(({ value }) => value.value);
  return values.length === 0 ? undefined : aggregates[comparison.aggregate_function](values);
}

/** The value at position p·(n+1) of the sorted ones: linear between two, the first or the last beyond the ends. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const position = Math.min(Math.max(share * (sorted.length + 1), 1), sorted.length);
  const before = Math.floor(position);
  const lower = sorted[before - 1] ?? 0;
  const upper = sorted[before] ?? lower;
  return lower + (position - before) * (upper - lower);
}
