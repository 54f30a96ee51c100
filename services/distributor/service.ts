/** A distributor on a bus, in one function that any process can start: each event of its topics is posted to a receiver. */
import type { EventBus, SubscribeOptions } from '../../lib/bus/port.ts';
import type { EventMetrics } from '../../lib/observe/event-metrics.ts';
import type { Logger } from '../../lib/observe/log.ts';
import { deliverTo } from './handler.ts';
import { Poster } from './post.ts';

export interface DistributorSettings {
  bus: EventBus;
  url: URL;
  /** Types of events, wildcards allowed. */
  topics: readonly string[];
  durable: string;
  /** Where it begins at its very first start. */
  from: SubscribeOptions['from'];
  concurrency: number;
  timeoutMs: number;
  maxAttempts: number;
  metrics: EventMetrics;
  log: Logger;
}

export interface Distributor {
  /** Takes no more, gives what is in work some seconds to end; the rest is for the next start. */
  close(): Promise<void>;
}

/** A process that is gone is noticed after this time, and its events are given again. */
const ACK_WAIT_MS = 5_000;
/** Kubernetes sends SIGKILL 30 s after SIGTERM. */
const STOP_MS = 20_000;

/** Does not close the bus, which belongs to the caller. */
export async function startDistributor(settings: DistributorSettings): Promise<Distributor> {
  const { bus, url, topics, durable, from, concurrency, timeoutMs, maxAttempts, metrics, log } = settings;
  const poster = new Poster(url, concurrency);
  const stop = new AbortController();
  const handle = deliverTo({ bus, durable, poster, timeoutMs, maxAttempts, stopping: stop.signal, metrics, log });
  const subscription = await bus.subscribe(
    // The handler counts: a try for which the process died is one more.
    { durable, filters: topics, from, concurrency, maxAttempts: maxAttempts + 1, ackWaitMs: ACK_WAIT_MS },
    handle,
  );
  log.info({ durable, topics, url: url.href }, 'distributor delivers');
  return {
    async close() {
      stop.abort();
      const deadline = setTimeout(() => poster.close(), STOP_MS);
      await subscription.stop();
      clearTimeout(deadline);
      poster.close();
    },
  };
}
