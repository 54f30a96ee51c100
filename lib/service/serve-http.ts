/**
 * A service behind a distributor: events come as POST, what it causes goes to the eventbroker. The answer tells the
 * distributor what becomes of the event: 202 it is handled, 503 try again, 422 never.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Verdict } from '../bus/port.ts';
import { decodeEvent, encodeEvent } from '../events/codec.ts';
import { MAX_EVENT_BYTES } from '../events/size.ts';
import type { KeptnEvent } from '../events/event.ts';
import { httpMessage } from '../events/http-message.ts';
import { Terminal, Transient } from '../errors/classes.ts';
import { withDeadline } from '../errors/deadline.ts';
import { Bodies } from '../http/bodies.ts';
import { stream } from '../http/route.ts';
import { createApp, listen, type HttpServer } from '../http/server.ts';
import type { EventMetrics } from '../observe/event-metrics.ts';
import { publishing } from '../observe/event-span.ts';
import type { Logger } from '../observe/log.ts';
import { closeWith, handlerOf } from './handle.ts';
import { HandledIds } from './handled-ids.ts';
import type { Service } from './service.ts';

export interface ServeHttpSettings {
  host: string;
  /** 0 for any that is free. */
  port: number;
  path: string;
  /** Where to send events. */
  eventbroker: string;
  metrics: EventMetrics;
  log: Logger;
  /** Where it remembers over a restart which events it has handled; in memory alone without. */
  stateFile?: string | undefined;
}

const SEND_MS = 10_000;
/** The distributor counts the tries, and gives the event up. */
const NOT_COUNTED = 1;

export async function serveHttp(service: Service, settings: ServeHttpSettings): Promise<HttpServer> {
  const { host, port, path, eventbroker, metrics, log, stateFile } = settings;
  const handled = new HandledIds(stateFile);
  const ending = new AbortController();
  const publish = (event: KeptnEvent): Promise<void> => publishing(event, (carried) => send(carried, eventbroker));
  const unlimited = { ...service, maxAttempts: Infinity };
  const handle = handlerOf(unlimited, { publish, handled, metrics, log, ending: ending.signal });
  const bodies = new Bodies(MAX_EVENT_BYTES);
  const take = async (headers: IncomingHttpHeaders, body: Buffer): Promise<Verdict> => {
    const message = httpMessage(headers, body);
    if (message.kind === 'other') throw new Terminal('InvalidBody', 'the body is no CloudEvent');
    return handle({ event: decodeEvent(message.fields), attempt: NOT_COUNTED });
  };
  const routes = [
    stream('post', path, async (request, response) => {
      const verdict = await bodies.use(request, (body) => take(request.headers, body));
      if (verdict.kind === 'ack') return void response.status(202).end();
      if (verdict.kind === 'dead') throw new Terminal('Rejected', verdict.reason);
      if (verdict.afterMs !== undefined) response.set('retry-after', String(Math.ceil(verdict.afterMs / 1000)));
      throw new Transient(verdict.reason ?? 'try again');
    }),
  ];
  const server = await listen(
    createApp({ name: service.name, metrics, routes, log, bodyLimit: MAX_EVENT_BYTES }),
    host,
    port,
  );
  log.info({ url: server.url, eventbroker }, 'service listens');
  return { url: server.url, close: () => closeWith(ending, () => server.close()) };
}

async function send(event: KeptnEvent, eventbroker: string): Promise<void> {
  const headers = { 'content-type': 'application/cloudevents+json' };
  const response = await withDeadline(SEND_MS, (signal) =>
    fetch(eventbroker, { method: 'POST', headers, body: encodeEvent(event), signal }),
  );
  const text = await response.text();
  if (response.ok) return;
  const message = `the eventbroker answered ${response.status}: ${text.slice(0, 200)}`;
  if (response.status >= 400 && response.status < 500) throw new Terminal('Rejected', message);
  throw new Transient(message);
}
