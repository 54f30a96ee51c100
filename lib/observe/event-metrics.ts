/** Prometheus metrics of the processes that events go through: eventbroker, distributor and services. */
import { Counter, Histogram } from 'prom-client';
import { createProcessMetrics, type ProcessMetrics } from './process-metrics.ts';

export interface EventMetrics extends ProcessMetrics {
  /** Events that came in by HTTP: stored, duplicate, refused (the sender's mistake), failed (ours: the sender tries again). */
  received: Counter<'result'>;
  /** Deliveries to a subscription: ack, repeated (was done before), retry, dead. */
  handled: Counter<'subscription' | 'result'>;
  handleSeconds: Histogram<'subscription'>;
}

const buckets = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

export function createEventMetrics(): EventMetrics {
  const ofProcess = createProcessMetrics();
  const registers = [ofProcess.registry];
  return {
    ...ofProcess,
    received: new Counter({
      name: 'keptn_events_received_total',
      help: 'CloudEvents that came in by HTTP, by result (stored, duplicate, refused, failed).',
      labelNames: ['result'],
      registers,
    }),
    handled: new Counter({
      name: 'keptn_events_handled_total',
      help: 'Deliveries by subscription and result (ack, repeated, retry, dead).',
      labelNames: ['subscription', 'result'],
      registers,
    }),
    handleSeconds: new Histogram({
      name: 'keptn_event_handle_seconds',
      help: 'Duration of one try to handle an event.',
      labelNames: ['subscription'],
      buckets,
      registers,
    }),
  };
}
