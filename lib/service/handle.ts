/** One delivery to a service: checked, handled once, what it causes published, and the verdict by the kind of error. */
import type { z } from 'zod';
import { matches } from '../bus/filter.ts';
import type { Delivery, Handler, Verdict } from '../bus/port.ts';
import { KeptnError, messageOf, Terminal, Transient, Waiting } from '../errors/classes.ts';
import { parseJson } from '../errors/parse-json.ts';
import type { KeptnEvent } from '../events/event.ts';
import { idOf } from '../events/id.ts';
import { problemsOf } from '../model/names.ts';
import type { EventMetrics } from '../observe/event-metrics.ts';
import type { Logger } from '../observe/log.ts';
import { PublishedLog } from './event-log.ts';
import { measured } from './measured.ts';
import type { HandledIds } from './handled-ids.ts';
import type { Outgoing, Service } from './service.ts';

export interface Surroundings {
  publish: (event: KeptnEvent) => Promise<unknown>;
  handled: HandledIds;
  metrics: EventMetrics;
  log: Logger;
  /** Aborts when the process ends, and will not wait for what is in work. */
  ending: AbortSignal;
}

const WAITING_MS = { first: 2_000, last: 15_000 };
/** Kubernetes sends SIGKILL 30 s after SIGTERM. */
const ENDING_MS = 5_000;
export const defaults = { timeoutMs: 60_000, concurrency: 16, maxAttempts: 10, maxWaits: 0 } as const;

/** Never throws: each error has its verdict. */
export function handlerOf(service: Service, surroundings: Surroundings): Handler {
  const { metrics, handled } = surroundings;
  const failures = new Map<string, number>();
  const work = measured(service.name, metrics, (delivery) => handle(delivery, service, surroundings, failures));
  return async (delivery) => {
    if (!handled.has(delivery.event.id)) return work(delivery);
    metrics.handled.inc({ subscription: service.name, result: 'repeated' });
    return { kind: 'ack' };
  };
}

/** Closes, and after some seconds tells what is still in work to stop: its event comes again. */
export async function closeWith(ending: AbortController, close: () => Promise<unknown>): Promise<void> {
  const timer = setTimeout(() => ending.abort(new Transient('the process ends')), ENDING_MS);
  await close();
  clearTimeout(timer);
}

/** `failures`: of events that may wait as well, by id; a restart begins to count anew. */
async function handle(
  { event, attempt }: Delivery,
  service: Service,
  around: Surroundings,
  failures: Map<string, number>,
): Promise<Verdict> {
  const { name, maxAttempts, maxWaits } = { ...defaults, ...service };
  const log = new PublishedLog({ service: name, event, attempt, publish: around.publish, log: around.log });
  try {
    const outgoing = await run({ event, attempt }, service, log, around.ending);
    await log.sent();
    // One after another: who waits for the second may rely on the first.
    for (const one of caused(event, name, outgoing)) await around.publish(one);
    around.handled.add(event.id);
    failures.delete(event.id);
    return { kind: 'ack' };
  } catch (error) {
    const reason = messageOf(error);
    if (!(error instanceof KeptnError)) {
      around.log.error({ err: error, eventId: event.id, keptnContext: event.shkeptncontext }, 'handler threw');
    }
    if (error instanceof Waiting && attempt < maxAttempts + maxWaits) {
      if (attempt === 1) log.info(`${name} waits: ${reason}`);
      await log.sent();
      const afterMs = error.afterMs ?? Math.min(WAITING_MS.first * Math.ceil(attempt / 30), WAITING_MS.last);
      return { kind: 'retry', reason, afterMs };
    }
    // Where waiting is no failure, neither is a part that is away.
    const isAway = error instanceof Transient && attempt < maxAttempts + maxWaits;
    const tries = maxWaits === 0 ? attempt : (failures.get(event.id) ?? 0) + (isAway ? 0 : 1);
    const again = !(error instanceof Terminal) && tries < maxAttempts;
    if (again && maxWaits > 0) failures.set(event.id, tries);
    else failures.delete(event.id);
    if (again) log.warn(`${name} will try ${event.type} again: ${reason}`);
    else log.error(`${name} gives up ${event.type}: ${reason}`);
    await log.sent();
    return again ? { kind: 'retry', reason } : { kind: 'dead', reason };
  }
}

async function run(
  { event, attempt }: Delivery,
  service: Service,
  log: PublishedLog,
  ending: AbortSignal,
): Promise<readonly Outgoing[]> {
  const { subscriptions, timeoutMs = defaults.timeoutMs } = service;
  const subscription = subscriptions.find(({ types }) => types.some((type) => matches(type, event.type)));
  if (subscription === undefined) return [];
  const data = checked(event.data, subscription.data);
  const late = new AbortController();
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const error = new Transient(`not done within ${timeoutMs / 1000} s`);
    // Before the abort: what the handler throws at it says less.
    reject(error);
    late.abort(error);
  }, timeoutMs);
  const end = (): void => late.abort(ending.reason);
  ending.addEventListener('abort', end);
  try {
    const context = { log, signal: late.signal, attempt };
    return (await Promise.race([subscription.handle({ ...event, data }, context), promise])) ?? [];
  } finally {
    clearTimeout(timer);
    ending.removeEventListener('abort', end);
  }
}

function checked(data: unknown, schema: z.ZodType): unknown {
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  // Services of 0.6.2 may send JSON in a text, and take it so.
  const inText = typeof data === 'string' ? schema.safeParse(parseJson(data)) : result;
  if (inText.success) return inText.data;
  throw new Terminal('InvalidField', problemsOf(result.error, 'data'));
}

/** The same cause gives the same ids: what is sent twice is stored once. */
function caused(cause: KeptnEvent, source: string, outgoing: readonly Outgoing[]): KeptnEvent[] {
  const time = new Date().toISOString();
  const commit = cause.extensions?.['gitcommitid'];
  const kept = commit === undefined ? undefined : { gitcommitid: commit };
  const counts = new Map<string, number>();
  return outgoing.map(({ type, data, shkeptncontext = cause.shkeptncontext, extensions = kept, ...given }) => {
    const nth = (counts.get(type) ?? 0) + 1;
    counts.set(type, nth);
    const id = given.id ?? idOf(source, cause.id, type, nth);
    return { id, type, source, time, shkeptncontext, data, ...(extensions ? { extensions } : {}) };
  });
}
