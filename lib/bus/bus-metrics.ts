/** What a bus says of its health, as Prometheus metrics: asked when they are read. */
import { Gauge } from 'prom-client';
import type { ProcessMetrics } from '../observe/process-metrics.ts';
import type { EventBus, SubscriptionHealth } from './port.ts';

export function observeBus({ registry }: ProcessMetrics, bus: EventBus): void {
  const registers = [registry];
  new Gauge({
    name: 'keptn_bus_connected',
    help: '1 while events can be published.',
    registers,
    collect() {
      this.set(bus.ready() ? 1 : 0);
    },
  });
  const ofEach = (name: string, help: string, value: (health: SubscriptionHealth) => number | undefined): void => {
    new Gauge({
      name,
      help,
      labelNames: ['subscription'],
      registers,
      collect() {
        this.reset();
        for (const health of bus.health().subscriptions) {
          const read = value(health);
          if (read !== undefined) this.set({ subscription: labelOf(health) }, read);
        }
      },
    });
  };
  ofEach('keptn_subscription_attached', '1 while events would be delivered.', ({ attached }) => (attached ? 1 : 0));
  ofEach(
    'keptn_subscription_pending',
    'Events that wait for a subscription or are in work, in all its processes; read every ten seconds.',
    ({ pending }) => pending,
  );
}

/** One that does not last has a name of its own in each process: as a label it would never come to an end. */
function labelOf({ durable }: SubscriptionHealth): string {
  return durable.replace(/-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, '');
}
