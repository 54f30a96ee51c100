/** What the tests of a bus are made of: a place to store, events, and handlers that remember. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KeptnEvent } from '../events/event.ts';
import type { Delivery, EventBus, Handler, Verdict } from './port.ts';

/** Where a bus stores its events: fresh for each test. */
export interface Place {
  /** A bus on this place; the former one is closed before. Its retries wait some milliseconds. */
  open(): Promise<EventBus>;
  /** Restarts what the bus runs on, if there is such a thing. */
  restart(): Promise<void>;
  remove(): Promise<void>;
}

export function eventOf(type: string, data: unknown = null, id: string = randomUUID()): KeptnEvent {
  const time = new Date().toISOString();
  return { id, type, source: 'contract', time, shkeptncontext: randomUUID(), extensions: { gitcommitid: 'f00' }, data };
}

/** Waits for something that comes soon. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, ms = 20_000): Promise<void> {
  for (const end = Date.now() + ms; !(await holds()); await sleep(5)) {
    if (Date.now() > end) throw new Error(`it did not come: ${what}`);
  }
}

/** A handler that remembers what came and says what `verdict` says. */
export function recorder(verdict: (delivery: Delivery) => Verdict | Promise<Verdict> = () => ({ kind: 'ack' })) {
  const deliveries: Delivery[] = [];
  const handle: Handler = async (delivery) => {
    // What waits behind it is a question, and nothing that came.
    const came = { ...delivery };
    delete came.following;
    deliveries.push(came);
    return verdict(delivery);
  };
  return { deliveries, handle, ids: () => deliveries.map(({ event }) => event.id) };
}
