/** A service on a bus, in one function that any process can start: `run` and standalone do. */
import type { EventBus } from '../bus/port.ts';
import type { EventMetrics } from '../observe/event-metrics.ts';
import type { Logger } from '../observe/log.ts';
import { closeWith, defaults, handlerOf } from './handle.ts';
import { HandledIds } from './handled-ids.ts';
import type { Service } from './service.ts';

export interface ServeSettings {
  bus: EventBus;
  metrics: EventMetrics;
  log: Logger;
  /** Where it remembers over a restart which events it has handled; in memory alone without. */
  stateFile?: string | undefined;
}

export interface Served {
  /** Takes no more, gives what is in work some seconds to end; the rest is for the next start. */
  close(): Promise<void>;
}

/** Does not close the bus, which belongs to the caller. */
export async function serve(service: Service, { bus, metrics, log, stateFile }: ServeSettings): Promise<Served> {
  const { name, subscriptions, concurrency, maxAttempts, maxWaits } = { ...defaults, ...service };
  const handled = new HandledIds(stateFile);
  const ending = new AbortController();
  const publish = (event: Parameters<EventBus['publish']>[0]): Promise<unknown> => bus.publish(event);
  const filters = subscriptions.flatMap(({ types }) => types);
  const subscription = await bus.subscribe(
    { durable: name, filters, from: 'new', concurrency, maxAttempts: maxAttempts + maxWaits },
    handlerOf(service, { publish, handled, metrics, log, ending: ending.signal }),
  );
  return { close: () => closeWith(ending, () => subscription.stop()) };
}
