/**
 * What the page asks of Keptn goes to the api, with the token that the browser never sees. Reads pass as they are, the live
 * stream unbuffered; the one write is an event of the kinds that the page has buttons for.
 */
import { z } from 'zod';
import { eventTypes } from '../../lib/events/event.ts';
import { ask } from '../../lib/http/ask.ts';
import { Forwarder } from '../../lib/http/forward.ts';
import { stream, type Route } from '../../lib/http/route.ts';
import { validate } from '../../lib/http/validate.ts';
import { compatibleRoutes } from './compatible.ts';
import { jsonOf } from './json-body.ts';

/** Each open page holds one. */
const STREAMS = 1_000;
const ANSWER_MS = 20_000;
const SOURCE = 'https://github.com/keptn/keptn/bridge';

const sendable = [
  eventTypes.configurationChange,
  eventTypes.startEvaluation,
  eventTypes.approvalFinished,
  eventTypes.deliveryAbort,
  eventTypes.deliveryPause,
  eventTypes.deliveryResume,
] as const;

const eventBody = z.strictObject({
  type: z.enum(sendable),
  shkeptncontext: z.string().min(1).max(128).optional(),
  data: z.looseObject({ labels: z.record(z.string(), z.string()).nullish() }),
});
const begun = z.object({ keptnContext: z.string() });

export interface ApiAddress {
  url: string;
  token: string;
}

export function proxyRoutes({ url, token }: ApiAddress, version: string): { routes: Route[]; close: () => void } {
  const headers = { 'x-token': token };
  const reads = new Forwarder(url, { headers });
  const streams = new Forwarder(url, { headers, connections: STREAMS });
  const routes = [
    stream('post', '/v1/event', async (request, response) => {
      const { data, ...event } = validate(eventBody, await jsonOf(request), 'body');
      // Who it was the session says, not the page.
      const labels = { ...data.labels, by: z.string().parse(response.locals['user']) };
      const answer = await ask({ name: 'api', url: `${url}/v1/event`, ms: ANSWER_MS }, begun, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ ...event, source: SOURCE, data: { ...data, labels } }),
      });
      response.json({ keptnContext: answer.keptnContext });
    }),
    stream('get', '/v1/events', (request, response) => {
      // nginx before us waits otherwise until it has a block full of events.
      response.setHeader('x-accel-buffering', 'no');
      return streams.forward(request.originalUrl, request, response);
    }),
    // By its own name as well, since the post of that name answers 405 for the others.
    ...['/v1/event', '/v1/*rest'].map((path) =>
      stream('get', path, (request, response) => reads.forward(request.originalUrl, request, response)),
    ),
    ...compatibleRoutes(reads, version),
  ];
  return {
    routes,
    close() {
      reads.close();
      streams.close();
    },
  };
}
