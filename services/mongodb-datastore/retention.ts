/** Forgets in the background what is older or more than should be kept. */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../lib/errors/classes.ts';
import type { Logger } from '../../lib/observe/log.ts';
import type { EventStore, Retention } from '../../lib/store/port.ts';

const ROUND_MS = 60_000;
/** Events of one step, and the pause behind it, in which others have their turn. */
const STEP = 500;
const PAUSE_MS = 20;

/** Runs until `stop`. */
export async function retain(store: EventStore, retention: Retention, log: Logger, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    try {
      let deleted = 0;
      for (let step = STEP; step > 0 && !stop.aborted; await pause(PAUSE_MS, stop)) {
        step = await store.prune(retention, STEP);
        deleted += step;
      }
      if (deleted > 0) log.info({ deleted }, 'old events and log entries deleted');
    } catch (error) {
      log.warn({ reason: messageOf(error) }, 'old events could not be deleted; tried again later');
    }
    await pause(ROUND_MS, stop);
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);
}
