/** The http runner: the users of a JMeter plan in this process, for those who have no JMeter. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Terminal } from '../../../lib/errors/classes.ts';
import { Measurements } from '../measure.ts';
import { ReportWriter } from '../reports.ts';
import type { Measured, Run, Runner } from '../runner.ts';
import { planOf, type Group, type Loop, type Step } from './plan.ts';
import { Cookies, send } from './send.ts';
import type { Filling, Template } from './template.ts';

const PROGRESS_MS = 10_000;
/** More in one process would measure the process. */
const MOST_USERS = 1_000;

export const httpRunner: Runner = { run };

/** What the users of a run share. */
interface Shared {
  base: Filling;
  measurements: Measurements;
  report: ReportWriter | undefined;
  signal: AbortSignal;
  /** A failure has ended the whole test. */
  ended: boolean;
}

async function run({ plan, properties, reportFile, progress, signal }: Run): Promise<Measured> {
  const { variables, groups, serial } = planOf(plan);
  const known = new Map<string, string>();
  const base = { properties, variables: known, threadNumber: 1, samplerName: '' };
  for (const [name, value] of variables) known.set(name, value(base));
  const measurements = new Measurements();
  const report = reportFile === undefined ? undefined : new ReportWriter(reportFile, progress);
  const shared: Shared = { base, measurements, report, signal, ended: false };
  const all = groups.reduce((sum, group) => sum + requestsOf(group, base), 0);
  const timer = setInterval(() => {
    progress(`${measurements.requests} of ${all} requests, ${measurements.errors} of them failed`);
  }, PROGRESS_MS);
  try {
    const ended = serial ? inTurn(groups, shared) : Promise.all(groups.map((group) => runGroup(group, shared)));
    await ended;
  } finally {
    clearInterval(timer);
    await report?.flush();
  }
  if (measurements.requests === 0) throw new Terminal('InvalidField', 'made no request');
  return { report: measurements.report('http'), firstFailure: measurements.firstFailure };
}

async function inTurn(groups: readonly Group[], shared: Shared): Promise<void> {
  for (const group of groups) await runGroup(group, shared);
}

async function runGroup(group: Group, shared: Shared): Promise<void> {
  const users = usersOf(group, shared.base);
  const rampMs = 1000 * numberOf(group.rampUpSeconds, shared.base, 'ramp-up time');
  const seconds = group.seconds && numberOf(group.seconds, shared.base, 'duration');
  const until = seconds === undefined ? Infinity : Date.now() + 1000 * seconds;
  // One that fails for no reason of the service's ends the others.
  const failed = new AbortController();
  const signal = AbortSignal.any([shared.signal, failed.signal]);
  const results = await Promise.allSettled(
    Array.from({ length: users }, async (_, nth) => {
      try {
        await sleep((nth * rampMs) / users, undefined, { signal });
        await new User(group, shared, nth + 1, until, signal).run();
      } catch (error) {
        failed.abort(error);
        throw error;
      }
    }),
  );
  shared.signal.throwIfAborted();
  const wrong = results.find((result) => result.status === 'rejected');
  if (wrong) throw failed.signal.reason;
}

/** What a user does after a request or a loop: go on, begin the next loop, or end. */
type Then = 'on' | 'next' | 'end';

class User {
  readonly #group: Group;
  readonly #shared: Shared;
  readonly #threadNumber: number;
  readonly #until: number;
  readonly #signal: AbortSignal;
  readonly #cookies = new Cookies();

  constructor(group: Group, shared: Shared, threadNumber: number, until: number, signal: AbortSignal) {
    this.#group = group;
    this.#shared = shared;
    this.#threadNumber = threadNumber;
    this.#until = until;
    this.#signal = signal;
  }

  async run(): Promise<void> {
    const { steps, times } = this.#group.loop;
    const count = timesOf(times, this.#shared.base);
    for (let nth = 0; nth < count; nth += 1) {
      if ((await this.#steps(steps)) === 'end') return;
      // A plan may have a loop without a request in it.
      if (steps.length === 0) return;
    }
  }

  async #steps(steps: readonly (Loop | Step)[]): Promise<Then> {
    for (const step of steps) {
      const then = 'times' in step ? await this.#loop(step) : await this.#request(step);
      if (then !== 'on') return then;
    }
    return 'on';
  }

  async #loop({ times, steps }: Loop): Promise<Then> {
    const count = timesOf(times, this.#shared.base);
    for (let nth = 0; nth < count && steps.length > 0; nth += 1) {
      const then = await this.#steps(steps);
      if (then !== 'on') return then;
    }
    return 'on';
  }

  async #request(step: Step): Promise<Then> {
    const { base, measurements, report } = this.#shared;
    const filling = { ...base, threadNumber: this.#threadNumber, samplerName: step.request.name };
    // JMeter takes what is no number for no delay.
    const delay = step.delays.reduce((sum, one) => sum + (Number(one(filling)) || 0), 0);
    if (delay > 0) await sleep(delay, undefined, { signal: this.#signal });
    if (Date.now() >= this.#until || this.#shared.ended) return 'end';
    const sample = await send(step, filling, this.#cookies, this.#signal);
    measurements.add(sample);
    await report?.add({ ...sample, thread: `${this.#group.name} ${sample.thread}` });
    return sample.success ? 'on' : this.#afterFailure();
  }

  #afterFailure(): Then {
    switch (this.#group.onFailure) {
      case 'startnextloop':
        return 'next';
      case 'stoptest':
      case 'stoptestnow':
        this.#shared.ended = true;
        return 'end';
      case 'stopthread':
        return 'end';
      default:
        return 'on';
    }
  }
}

function usersOf({ users }: Group, base: Filling): number {
  const count = numberOf(users, base, 'number of users');
  if (count > MOST_USERS)
    throw new Terminal('InvalidField', `has ${count} users: the http runner has ${MOST_USERS} at most`);
  return count;
}

function timesOf(times: Template, base: Filling): number {
  return times(base).trim() === '-1' ? Infinity : numberOf(times, base, 'number of loops');
}

function numberOf(template: Template, base: Filling, what: string): number {
  const text = template(base).trim();
  if (!/^\d{1,9}$/.test(text)) throw new Terminal('InvalidField', `has a ${what} that is no number: ${text}`);
  return Number(text);
}

/** Where a thread group has a time limit, it may be fewer. */
function requestsOf(group: Group, base: Filling): number {
  const count = (steps: readonly (Loop | Step)[]): number =>
    steps.reduce((sum, step) => sum + ('times' in step ? timesOf(step.times, base) * count(step.steps) : 1), 0);
  return usersOf(group, base) * count([group.loop]);
}
