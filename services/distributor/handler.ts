/** Brings one event to the receiver, and what it answers to the bus. */
import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs, defaultBackoff } from '../../lib/bus/backoff.ts';
import type { Delivery, EventBus, Handler, Verdict } from '../../lib/bus/port.ts';
import { messageOf, Transient } from '../../lib/errors/classes.ts';
import { withDeadline } from '../../lib/errors/deadline.ts';
import { decodeEvent, encodeEvent } from '../../lib/events/codec.ts';
import { eventTypes, type KeptnEvent } from '../../lib/events/event.ts';
import { httpMessage } from '../../lib/events/http-message.ts';
import { idOf } from '../../lib/events/id.ts';
import { logEvent } from '../../lib/events/log-event.ts';
import type { EventMetrics } from '../../lib/observe/event-metrics.ts';
import { requesting } from '../../lib/observe/http-span.ts';
import type { Logger } from '../../lib/observe/log.ts';
import { measured } from '../../lib/service/measured.ts';
import { NobodyThere, type Answer, type Poster } from './post.ts';
import { meaningOf, retryAfterMs } from './verdict.ts';

export interface Receiver {
  bus: EventBus;
  /** Part of the ids of what is published for it. */
  durable: string;
  poster: Poster;
  /** Milliseconds for one try. */
  timeoutMs: number;
  /** Tries that reach the receiver, before the event is a dead letter. */
  maxAttempts: number;
  /** Aborts when nothing more is to be begun. */
  stopping: AbortSignal;
  metrics: EventMetrics;
  log: Logger;
}

const headers = { 'content-type': 'application/cloudevents+json' };

export function deliverTo(receiver: Receiver): Handler {
  return measured(receiver.durable, receiver.metrics, (delivery) => deliver(delivery, receiver));
}

async function deliver({ event, attempt }: Delivery, receiver: Receiver): Promise<Verdict> {
  const { bus, durable, log, maxAttempts } = receiver;
  let reason: string;
  let afterMs: number | undefined;
  try {
    const answer = await post(event, receiver);
    const meaning = meaningOf(answer.status);
    if (meaning === 'taken') await publishAnswer(answer, event, receiver);
    if (meaning === 'refused') {
      const entry = { eventId: event.id, keptnContext: event.shkeptncontext, type: event.type, status: answer.status };
      log.info(entry, 'the receiver does not want this event');
    }
    if (meaning !== 'again') return { kind: 'ack' };
    reason = `the receiver answered ${answer.status}`;
    afterMs = retryAfterMs(answer.headers['retry-after']);
  } catch (error) {
    reason = messageOf(error);
  }
  if (attempt < maxAttempts || receiver.stopping.aborted) {
    return { kind: 'retry', reason, ...(afterMs === undefined ? {} : { afterMs }) };
  }
  // A log event about a log event would never end.
  if (event.type !== eventTypes.log) {
    const message = `${event.type} was given up after ${attempt} tries: ${reason}`;
    const id = idOf('dead', durable, event.id);
    await bus.publish(logEvent({ id, source: 'distributor', cause: event, message, loglevel: 'ERROR' }));
  }
  return { kind: 'dead', reason };
}

/** Waits for as long as nobody is there: that is not the event's fault, and no try. */
async function post(event: KeptnEvent, { poster, durable, timeoutMs, stopping, log }: Receiver): Promise<Answer> {
  const body = encodeEvent(event);
  for (let away = 1; ; away += 1) {
    try {
      const request = { part: durable, method: 'POST', path: '' };
      return await withDeadline(timeoutMs, (late) =>
        requesting(request, (trace) => poster.post(body, { ...headers, ...trace }, late)),
      );
    } catch (error) {
      if (!(error instanceof NobodyThere) || stopping.aborted) throw error;
      log.warn({ eventId: event.id, keptnContext: event.shkeptncontext, reason: error.message }, 'nobody is there');
      await sleep(backoffMs(away, { ...defaultBackoff, maxMs: 5_000 }), undefined, { signal: stopping });
    }
  }
}

/** The receiver may answer with an event. Its id follows from the cause, so that it is one however often it is made. */
async function publishAnswer(answer: Answer, cause: KeptnEvent, { bus, durable, log }: Receiver): Promise<void> {
  if (answer.body.length === 0 || !isCloudEvent(answer)) return;
  let event: KeptnEvent;
  try {
    const message = httpMessage(answer.headers, answer.body);
    if (message.kind === 'other') return;
    const inherited = { source: durable, shkeptncontext: cause.shkeptncontext };
    event = decodeEvent({ ...inherited, ...message.fields, id: idOf('answer', durable, cause.id) });
  } catch (error) {
    const entry = { eventId: cause.id, keptnContext: cause.shkeptncontext, reason: messageOf(error) };
    return log.error(entry, 'what the receiver answered is no valid event');
  }
  try {
    await bus.publish(event);
  } catch (error) {
    if (error instanceof Transient) throw error;
    log.error(
      { eventId: cause.id, keptnContext: cause.shkeptncontext, reason: messageOf(error) },
      'answer was refused',
    );
  }
}

function isCloudEvent({ headers: given }: Answer): boolean {
  return given['ce-specversion'] !== undefined || /^application\/cloudevents\+json/i.test(given['content-type'] ?? '');
}
