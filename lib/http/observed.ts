/** Measures the requests of a route, logs them where that is wanted, and makes each that is part of a trace a span. */
import type { RequestHandler } from 'express';
import { serving } from '../observe/http-span.ts';
import type { Route } from './route.ts';
import type { AppSettings } from './server.ts';

const probes = ['/healthz', '/readyz'];

export function observed(
  { method, path }: Route,
  { name: server, metrics: { requestSeconds }, log }: Pick<AppSettings, 'name' | 'metrics' | 'log'>,
): RequestHandler {
  const [name, labels] = [method.toUpperCase(), { server, method: method.toUpperCase(), route: path }];
  if (probes.includes(path)) return (_request, _response, next) => next();
  return (request, response, next) => {
    const end = requestSeconds.startTimer(labels);
    response.once('close', () => {
      // A stream of events lasts as long as somebody looks.
      const isStream = String(response.getHeader('content-type')).startsWith('text/event-stream');
      if (!isStream) end({ status: String(response.statusCode) });
      if (!log.isLevelEnabled('debug')) return;
      const requestId: unknown = response.locals['requestId'];
      const keptnContext = request.headers['x-keptn-context'];
      log.debug({ method: name, path: request.path, status: response.statusCode, keptnContext, requestId }, 'request');
    });
    void serving({ method: name, route: path, headers: request.headers }, response, () => next());
  };
}
