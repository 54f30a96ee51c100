/**
 * What becomes of an event that arrives, from the bus or over HTTP: a log event is a line among the logs, everything else
 * is history. Answered after it is stored.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { backoffMs } from '../../lib/bus/backoff.ts';
import type { Handler } from '../../lib/bus/port.ts';
import { messageOf, Terminal } from '../../lib/errors/classes.ts';
import { eventTypes, type KeptnEvent } from '../../lib/events/event.ts';
import type { Logger } from '../../lib/observe/log.ts';
import type { EventStore, LogEntry } from '../../lib/store/port.ts';
import type { Arrivals } from './arrivals.ts';

const logData = z.object({
  message: z.string(),
  loglevel: z.string().optional(),
  logLevel: z.string().optional(),
  eventId: z.string().optional(),
});

export interface Records {
  store: EventStore;
  arrivals: Arrivals;
}

export async function record({ store, arrivals }: Records, event: KeptnEvent): Promise<void> {
  const entry = entryOf(event);
  if (entry) return void (await store.appendLogs([entry]));
  await store.append([event]);
  arrivals.stored(event.id);
}

/** While the store is away an event waits in its handler, so that it is never given up for having been tried too often. */
export function recorder(records: Records, log: Logger, stop: AbortSignal): Handler {
  return async ({ event }) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await record(records, event);
        return { kind: 'ack' };
      } catch (error) {
        if (error instanceof Terminal) return { kind: 'dead', reason: messageOf(error) };
        const about = { eventId: event.id, keptnContext: event.shkeptncontext, reason: messageOf(error) };
        if (attempt === 1) log.warn(about, 'event is not stored yet');
      }
      await sleep(backoffMs(attempt, { firstMs: 250, maxMs: 5_000 }), undefined, { signal: stop }).catch(
        () => undefined,
      );
      if (stop.aborted) return { kind: 'retry', afterMs: 0, reason: 'the datastore stops' };
    }
  };
}

/** Undefined when it is no log event, or none that a service of ours or of 0.6.2 would send. */
function entryOf({ id, type, time, source, shkeptncontext, extensions, data }: KeptnEvent): LogEntry | undefined {
  const parsed = type === eventTypes.log ? logData.safeParse(data).data : undefined;
  if (!parsed) return undefined;
  return {
    id,
    timestamp: time,
    keptnContext: shkeptncontext,
    eventId: parsed.eventId ?? extensions?.['triggeredid'] ?? '',
    keptnService: source,
    message: parsed.message,
    logLevel: parsed.loglevel ?? parsed.logLevel ?? 'INFO',
  };
}
