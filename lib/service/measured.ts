/** A handler whose deliveries are counted and timed, each a span in the trace of its keptn context. */
import type { Handler } from '../bus/port.ts';
import type { EventMetrics } from '../observe/event-metrics.ts';
import { isStep, spanOf } from '../observe/event-span.ts';
import { traced } from '../observe/trace.ts';

export function measured(subscription: string, { handled, handleSeconds }: EventMetrics, handle: Handler): Handler {
  const count: Handler = async (delivery) => {
    const end = handleSeconds.startTimer({ subscription });
    const verdict = await handle(delivery);
    end();
    handled.inc({ subscription, result: verdict.kind });
    return verdict;
  };
  return (delivery) => {
    if (!isStep(delivery.event)) return count(delivery);
    const options = spanOf(`${subscription} handles`, delivery.event);
    return traced({ ...options, kind: 'consumer' }, async (span) => {
      const verdict = await count(delivery);
      span.set({ 'keptn.attempt': delivery.attempt, 'keptn.result': verdict.kind });
      // Who names the time of the next try waits for something, and has not failed.
      const hasFailed = verdict.kind === 'dead' || (verdict.kind === 'retry' && verdict.afterMs === undefined);
      if (hasFailed) span.fail(verdict.reason ?? 'the handler asked for another try');
      return verdict;
    });
  };
}
