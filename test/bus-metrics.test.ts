/** What the metrics say of the bus. */
import { expect } from 'chai';
import { eventOf, until } from '../lib/bus/contract-parts.ts';
import { observeBus } from '../lib/bus/bus-metrics.ts';
import { connectNatsBus } from '../lib/bus/nats/bus.ts';
import { createLog } from '../lib/observe/log.ts';
import { createProcessMetrics } from '../lib/observe/process-metrics.ts';
import { startNats } from './launch/nats.ts';

const log = createLog('bus-metrics', 'silent');

describe('the metrics of a bus', () => {
  it('show what waits for a subscription that was away, and when the bus is gone', async () => {
    const nats = await startNats();
    const bus = await connectNatsBus({ servers: [nats.url], log });
    const metrics = createProcessMetrics();
    observeBus(metrics, bus);
    const hasLine = async (line: string): Promise<boolean> =>
      (await metrics.registry.metrics()).split('\n').includes(line);
    try {
      const options = { durable: 'slow', filters: ['sh.keptn.event.x'], from: 'all', concurrency: 4 } as const;
      const first = await bus.subscribe(options, async () => ({ kind: 'ack' }));
      await first.stop();
      for (let n = 0; n < 3; n += 1) await bus.publish(eventOf('sh.keptn.event.x'));
      const released = Promise.withResolvers<void>();
      await bus.subscribe(options, async () => {
        await released.promise;
        return { kind: 'ack' };
      });
      expect(await hasLine('keptn_subscription_pending{subscription="slow"} 3')).to.equal(true);
      expect(await hasLine('keptn_subscription_attached{subscription="slow"} 1')).to.equal(true);
      expect(await hasLine('keptn_bus_connected 1')).to.equal(true);
      released.resolve();
      await nats.kill();
      await until('that it is noticed', () => !bus.ready());
      expect(await hasLine('keptn_bus_connected 0')).to.equal(true);
    } finally {
      await bus.close();
      await nats.stop();
    }
  });
});
