/** Runs a handler on one delivery and decides what becomes of it: the rules of trying again and giving up. */
import { messageOf } from '../errors/classes.ts';
import type { Logger } from '../observe/log.ts';
import { apart } from '../observe/trace.ts';
import { backoffMs, type Backoff } from './backoff.ts';
import type { SubscriptionSettings } from './options.ts';
import type { Delivery, Handler, Verdict } from './port.ts';

export type Decision =
  { kind: 'ack' } | { kind: 'retry'; afterMs: number; reason: string } | { kind: 'dead'; reason: string };

export interface Rules {
  settings: SubscriptionSettings;
  backoff: Backoff;
  log: Logger;
}

export async function decide(handle: Handler, delivery: Delivery, rules: Rules): Promise<Decision> {
  const { settings, log } = rules;
  const decision = await judge(handle, delivery, rules);
  const { event, attempt } = delivery;
  const entry = { durable: settings.durable, eventId: event.id, keptnContext: event.shkeptncontext, attempt };
  if (decision.kind === 'ack') {
    log.debug({ ...entry, type: event.type }, 'event handled');
    return decision;
  }
  if (decision.kind === 'retry') {
    log.warn({ ...entry, reason: decision.reason, afterMs: decision.afterMs }, 'event will be tried again');
    return decision;
  }
  log.error({ ...entry, type: event.type, reason: decision.reason }, 'event given up');
  // A dead letter stays where it is: there is no second place for those that are given up twice.
  return settings.space === 'dead' ? { kind: 'ack' } : decision;
}

async function judge(handle: Handler, delivery: Delivery, { settings, backoff, log }: Rules): Promise<Decision> {
  const { attempt } = delivery;
  // The process died in the last try, perhaps because of the event: it must not happen again and again.
  if (attempt > settings.maxAttempts) return { kind: 'dead', reason: 'the last try ended without a verdict' };
  let verdict: Verdict;
  try {
    // In one process it is the publisher that calls.
    verdict = await apart(() => handle(delivery));
  } catch (error) {
    const { id: eventId, shkeptncontext: keptnContext } = delivery.event;
    log.debug({ err: error, eventId, keptnContext }, 'handler threw');
    verdict = { kind: 'retry', reason: messageOf(error) };
  }
  if (verdict.kind === 'ack') return verdict;
  if (verdict.kind === 'dead') return { kind: 'dead', reason: oneLine(verdict.reason) };
  const reason = oneLine(verdict.reason ?? 'the handler asked for another try');
  if (attempt >= settings.maxAttempts) return { kind: 'dead', reason };
  return { kind: 'retry', afterMs: Math.max(0, verdict.afterMs ?? backoffMs(attempt, backoff)), reason };
}

/** Fit for a header and a log line. */
function oneLine(reason: string): string {
  return reason.replace(/[\x00-\x1f\x7f]+/g, ' ').slice(0, 500) || 'no reason given';
}
