/** What a run of tests measures, request by request, in little memory: numbers for the report and the first failure. */
import type { TestReport } from '../../lib/events/workflow.ts';

export interface Sample {
  /** Milliseconds since 1970. */
  startedAt: number;
  elapsedMs: number;
  /** Of the request in the plan. */
  label: string;
  success: boolean;
  /** The status, or what there was instead of one. */
  code: string;
  /** Why it is no success. */
  reason: string;
  thread: string;
  url: string;
}

export class Measurements {
  readonly #elapsed: number[] = [];
  #errors = 0;
  #first = Infinity;
  #last = 0;
  #sum = 0;
  /** Of the first request that failed. */
  firstFailure = '';

  add(sample: Sample): void {
    this.#elapsed.push(sample.elapsedMs);
    this.#sum += sample.elapsedMs;
    this.#first = Math.min(this.#first, sample.startedAt);
    this.#last = Math.max(this.#last, sample.startedAt + sample.elapsedMs);
    if (sample.success) return;
    this.#errors += 1;
    if (this.firstFailure === '') this.firstFailure = `${sample.label}: ${sample.reason || sample.code}`.slice(0, 300);
  }

  get requests(): number {
    return this.#elapsed.length;
  }

  get errors(): number {
    return this.#errors;
  }

  report(tool: string): TestReport {
    const sorted = Float64Array.from(this.#elapsed).sort();
    const count = sorted.length;
    /** The smallest time that so many percent of the requests did not exceed. */
    const percentile = (percent: number): number => sorted[Math.max(0, Math.ceil((percent / 100) * count) - 1)] ?? 0;
    // A run of one request that took no measurable time has no rate to speak of.
    const seconds = Math.max(1, this.#last - this.#first) / 1000;
    return {
      tool,
      requests: count,
      errors: this.#errors,
      error_rate: count === 0 ? 0 : rounded((100 * this.#errors) / count),
      throughput: count === 0 ? 0 : rounded(count / seconds),
      response_time_min: sorted[0] ?? 0,
      response_time_max: sorted[count - 1] ?? 0,
      response_time_avg: count === 0 ? 0 : rounded(this.#sum / count),
      response_time_p50: percentile(50),
      response_time_p90: percentile(90),
      response_time_p95: percentile(95),
      response_time_p99: percentile(99),
    };
  }
}

const rounded = (value: number): number => Math.round(value * 1000) / 1000;
