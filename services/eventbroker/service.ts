/**
 * The eventbroker on a bus, in one function that any process can start: POST to any path takes an event, as 0.6.2's
 * does, and is answered when the bus has stored it.
 */
import type { Request, Response } from 'express';
import type { EventBus, Published } from '../../lib/bus/port.ts';
import { KeptnError, Terminal, Transient } from '../../lib/errors/classes.ts';
import type { KeptnEvent } from '../../lib/events/event.ts';
import { MAX_EVENT_BYTES } from '../../lib/events/size.ts';
import { Bodies } from '../../lib/http/bodies.ts';
import { stream } from '../../lib/http/route.ts';
import { createApp, listen, type HttpServer } from '../../lib/http/server.ts';
import type { EventMetrics } from '../../lib/observe/event-metrics.ts';
import { isStep, spanOf } from '../../lib/observe/event-span.ts';
import type { Logger } from '../../lib/observe/log.ts';
import { traced } from '../../lib/observe/trace.ts';
import { eventsOf } from './handler.ts';
import { noMappings, type Mappings } from './mapping.ts';

export interface EventbrokerSettings {
  bus: EventBus;
  host: string;
  /** 0 for any that is free. */
  port: number;
  /** Types that are taken, wildcards allowed; all below `sh.keptn.` by default. */
  types?: readonly string[];
  /** What becomes of bodies that are no Keptn events; none by default. */
  mappings?: Mappings;
  metrics: EventMetrics;
  log: Logger;
}

export async function startEventbroker(settings: EventbrokerSettings): Promise<HttpServer> {
  const { host, port, metrics, log } = settings;
  const bodies = new Bodies(MAX_EVENT_BYTES);
  const take = (request: Request, response: Response): Promise<void> => receive(request, response, bodies, settings);
  const routes = [stream('post', '/', take), stream('post', '/*path', take)];
  const server = await listen(
    createApp({ name: 'eventbroker', metrics, routes, log, bodyLimit: MAX_EVENT_BYTES }),
    host,
    port,
  );
  log.info({ url: server.url }, 'eventbroker listens');
  return server;
}

async function receive(request: Request, response: Response, bodies: Bodies, settings: EventbrokerSettings) {
  const { bus, types = ['sh.keptn.>'], mappings = noMappings, metrics, log } = settings;
  try {
    // Senders are programs; a page that a person has open must not send events to a Keptn on their machine.
    if (request.headers.origin !== undefined) throw new Terminal('Forbidden', 'events are not taken from web pages');
    const stored = await bodies.use(request, async (body) => {
      const events = eventsOf(request.headers, body, { types, mappings });
      const results = await Promise.all(events.map((event) => store(event, bus)));
      return events.map(({ id, type, shkeptncontext: keptnContext }, nth) => {
        const result = results[nth]?.duplicate ? 'duplicate' : 'stored';
        metrics.received.inc({ result });
        log.debug({ eventId: id, keptnContext, type, result }, 'event received');
        return { keptnContext, id };
      });
    });
    // 202 as 0.6.2, which answers without a body.
    response.status(202).json(stored.length === 1 ? stored[0] : { ...stored[0], events: stored });
  } catch (error) {
    const ours = !(error instanceof KeptnError) || error instanceof Transient;
    metrics.received.inc({ result: ours ? 'failed' : 'refused' });
    // The rest of a body that is refused is not read.
    if (!request.complete) response.set('connection', 'close');
    throw error;
  }
}

function store(event: KeptnEvent, bus: EventBus): Promise<Published> {
  if (!isStep(event)) return bus.publish(event);
  return traced({ ...spanOf('receive', event), kind: 'server' }, () => bus.publish(event));
}
