/** Looks while a change is at work whether its delivery is to be aborted. */
import { setTimeout as sleep } from 'node:timers/promises';
import { eventTypes } from '../../lib/events/event.ts';
import type { History } from '../../lib/history/client.ts';

const LOOK_MS = 2_000;

export interface AbortWatch {
  /** Aborts with the delivery, or with the try. */
  signal: AbortSignal;
  /** True when it was the delivery. */
  readonly aborted: boolean;
  stop(): void;
}

export function watchAbort(history: History, keptnContext: string, of: AbortSignal): AbortWatch {
  const delivery = new AbortController();
  const over = new AbortController();
  const look = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await sleep(LOOK_MS, undefined, { signal: over.signal }).catch(() => undefined);
      const search = { keptnContext, type: eventTypes.deliveryAbort, pageSize: 1 };
      // Without a history nobody can say so: the next look may tell.
      const found = over.signal.aborted ? [] : await history.events(search).catch(() => []);
      if (found.length > 0) return delivery.abort(new Error('the delivery was aborted'));
    }
  };
  void look();
  return {
    signal: AbortSignal.any([of, delivery.signal]),
    get aborted() {
      return delivery.signal.aborted;
    },
    stop: () => over.abort(),
  };
}
