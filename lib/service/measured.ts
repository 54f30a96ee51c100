/** A handler whose deliveries are counted and timed. */
import type { Handler } from '../bus/port.ts';
import type { EventMetrics } from '../observe/event-metrics.ts';

export function measured(subscription: string, { handled, handleSeconds }: EventMetrics, handle: Handler): Handler {
  return async (delivery) => {
    const end = handleSeconds.startTimer({ subscription });
    const verdict = await handle(delivery);
    end();
    handled.inc({ subscription, result: verdict.kind });
    return verdict;
  };
}
