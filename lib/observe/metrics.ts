/** Prometheus metrics, under controller-runtime's names where it has one, so that its dashboards fit. */
import { Counter, Gauge, Histogram } from 'prom-client';
import { createDeliveryMetrics, type DeliveryMetrics } from './delivery-metrics.ts';
import { createEventMetrics, type EventMetrics } from './event-metrics.ts';

export interface OperatorMetrics extends EventMetrics {
  deliveries: DeliveryMetrics;
  reconciles: Counter<'controller' | 'result'>;
  reconcileSeconds: Histogram<'controller'>;
  queueDepth: Gauge<'name'>;
  queueAdds: Counter<'name'>;
  queueRetries: Counter<'name'>;
  queueSeconds: Histogram<'name'>;
  eventsPublished: Counter<'type' | 'result'>;
  watchEvents: Counter<'kind' | 'event'>;
  leader: Gauge;
}

const buckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function createOperatorMetrics(): OperatorMetrics {
  const ofEvents = createEventMetrics();
  const registers = [ofEvents.registry];
  return {
    ...ofEvents,
    deliveries: createDeliveryMetrics(registers),
    reconciles: new Counter({
      name: 'controller_runtime_reconcile_total',
      help: 'Reconciliations by controller and result (success, waiting, terminal, transient, bug).',
      labelNames: ['controller', 'result'],
      registers,
    }),
    reconcileSeconds: new Histogram({
      name: 'controller_runtime_reconcile_time_seconds',
      help: 'Duration of a reconciliation.',
      labelNames: ['controller'],
      buckets,
      registers,
    }),
    queueDepth: new Gauge({
      name: 'workqueue_depth',
      help: 'Keys that wait for a worker.',
      labelNames: ['name'],
      registers,
    }),
    queueAdds: new Counter({
      name: 'workqueue_adds_total',
      help: 'Keys added to the queue.',
      labelNames: ['name'],
      registers,
    }),
    queueRetries: new Counter({
      name: 'workqueue_retries_total',
      help: 'Keys added again after an error.',
      labelNames: ['name'],
      registers,
    }),
    queueSeconds: new Histogram({
      name: 'workqueue_queue_duration_seconds',
      help: 'How long a key waits for a worker.',
      labelNames: ['name'],
      buckets,
      registers,
    }),
    eventsPublished: new Counter({
      name: 'keptn_events_published_total',
      help: 'CloudEvents given to the bus, by type and result (stored, duplicate, failed).',
      labelNames: ['type', 'result'],
      registers,
    }),
    watchEvents: new Counter({
      name: 'keptn_watch_events_total',
      help: 'What the watches went through: connect, disconnect, list, gone, error, object, bookmark.',
      labelNames: ['kind', 'event'],
      registers,
    }),
    leader: new Gauge({ name: 'leader_election_master_status', help: '1 while this process leads.', registers }),
  };
}
