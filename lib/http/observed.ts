/** Measures the requests of a route, logs them where that is wanted, and makes each that is part of a trace a span. */
import type { RequestHandler } from 'express';
import { serving } from '../observe/http-span.ts';
import type { Route } from './route.ts';
import type { AppSettings } from './server.ts';

const probes = ['/healthz', '/readyz'];

export function observed(
  { method, path: route }: Route,
  { name: server, metrics: { requestSeconds }, log }: Pick<AppSettings, 'name' | 'metrics' | 'log'>,
): RequestHandler {
  const labels = { server, method: method.toUpperCase(), route };
  if (probes.includes(route)) return (_request, _response, next) => next();
  return (request, response, next) => {
    const { method, path, headers } = request;
    const end = requestSeconds.startTimer(labels);
    const { promise: answered, resolve } = Promise.withResolvers<number>();
    response.once('close', () => {
      const status = response.statusCode;
      resolve(status);
      // A stream of events lasts as long as somebody looks.
      const isStream = String(response.getHeader('content-type')).startsWith('text/event-stream');
      if (!isStream) end({ status: String(status) });
      if (!log.isLevelEnabled('debug')) return;
      const requestId: unknown = response.locals['requestId'];
      log.debug({ method, path, status, keptnContext: headers['x-keptn-context'], requestId }, 'request');
    });
    void serving({ method: labels.method, route, headers }, () => {
      next();
      return answered;
    });
  };
}
