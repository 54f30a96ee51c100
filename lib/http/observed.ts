/** Measures the requests of a route, and makes each that is part of a trace a span. */
import type { RequestHandler } from 'express';
import { serving } from '../observe/http-span.ts';
import type { ProcessMetrics } from '../observe/process-metrics.ts';
import type { Route } from './route.ts';

const probes = ['/healthz', '/readyz'];

export function observed(server: string, { method, path }: Route, { requestSeconds }: ProcessMetrics): RequestHandler {
  const [name, labels] = [method.toUpperCase(), { server, method: method.toUpperCase(), route: path }];
  if (probes.includes(path)) return (_request, _response, next) => next();
  return (request, response, next) => {
    const end = requestSeconds.startTimer(labels);
    response.once('close', () => {
      // A stream of events lasts as long as somebody looks.
      const isStream = String(response.getHeader('content-type')).startsWith('text/event-stream');
      if (!isStream) end({ status: String(response.statusCode) });
    });
    void serving({ method: name, route: path, headers: request.headers }, response, () => next());
  };
}
