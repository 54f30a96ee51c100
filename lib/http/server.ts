/**
 * What all our HTTP services share: declared routes on express, JSON in and out, errors as `{code, message}`, the OpenAPI
 * document, and an end that lets running requests finish. A client never sees a stack: what is not ours is logged and
 * answered 500.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import { z } from 'zod';
import { KeptnError, Terminal, Transient } from '../errors/classes.ts';
import type { Logger } from '../observe/log.ts';
import type { ProcessMetrics } from '../observe/process-metrics.ts';
import { observed } from './observed.ts';
import type { JsonRoute, Route } from './route.ts';
import { FieldError, validate } from './validate.ts';

export interface AppSettings {
  /** Of the server, in metrics. */
  name: string;
  metrics: ProcessMetrics;
  routes: readonly Route[];
  log: Logger;
  /** Largest body in bytes. */
  bodyLimit: number;
  /** What each request has to pass first. */
  guards?: readonly RequestHandler[];
}

export interface HttpServer {
  url: string;
  /** Finishes running requests, for ten seconds at most, and ends the connections that are kept open. */
  close(): Promise<void>;
}

export interface Listening extends HttpServer {
  /** For what is no request, such as websockets. */
  server: Server;
}

const CLOSE_MS = 10_000;
/** Of the largest size, in work at once: JSON takes many times its size in memory. */
const BODIES = 4;
const RETRY_AFTER_SECONDS = 1;

export function createApp({ name, metrics, routes, log, bodyLimit, guards = [] }: AppSettings): Express {
  const app = express();
  app.disable('x-powered-by');
  // Routes that have a cheap and true entity tag set it themselves.
  app.set('etag', false);
  app.set('query parser', 'simple');
  app.use((request, response, next) => {
    const given = request.headers['x-request-id'];
    const id = typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
    response.locals['requestId'] = id;
    response.setHeader('x-request-id', id);
    response.setHeader('x-content-type-options', 'nosniff');
    next();
  });
  for (const guard of guards) app.use(guard);
  app.use(boundBodies(bodyLimit * BODIES));
  // Whatever the content type says: curl sends a form's type unless it is told otherwise.
  const json = express.json({ limit: bodyLimit, type: () => true, strict: false });
  const expressPath = (route: Route): string =>
    route.kind === 'json' ? route.path.replace(/\{(\w+)\}/g, ':$1') : route.path;
  for (const [path, ofPath] of Map.groupBy(routes, expressPath)) {
    const methods = ofPath.map(({ method }) => method.toUpperCase()).sort();
    for (const route of ofPath) {
      const observe = observed(route, { name, metrics, log });
      if (route.kind === 'json') app[route.method](path, observe, json, handlerOf(route));
      else app[route.method](path, observe, (request, response) => route.handle(request, response));
    }
    app.all(path, (request, response) => {
      response.setHeader('allow', methods.join(', '));
      answerError(response, 405, 405, `method ${request.method} is not allowed, but [${methods.join(',')}] are`);
    });
  }
  app.use((request, response) => answerError(response, 404, 404, `path ${request.path} was not found`));
  app.use(errorHandler(log));
  return app;
}

/** Refuses for a moment what would make the bodies in work larger than this together. */
function boundBodies(limit: number): RequestHandler {
  let inWork = 0;
  return (request, response, next) => {
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
    // One that does not say its size may have the largest.
    const bytes = encoding === undefined ? Math.min(Number(length ?? 0), limit / BODIES) : limit / BODIES;
    if (inWork + bytes > limit) return next(new Transient('too many large bodies at once'));
    inWork += bytes;
    response.once('close', () => (inWork -= bytes));
    next();
  };
}

/** Checks what comes by the declaration, and what goes. */
function handlerOf(route: JsonRoute): RequestHandler {
  const { params, query, body, answers } = route;
  return async (request, response) => {
    const {
      status,
      headers,
      body: content,
    } = await route.handle({
      params: params && validate(params, request.params, 'path'),
      query: query && validate(query, request.query, 'query'),
      body: body && validate(body.schema, jsonIn(request, body), 'body'),
      headers: request.headers,
    });
    if (headers) response.set(headers);
    const schema = answers[status];
    if (schema === undefined) throw new Error(`${route.method} ${route.path} does not declare status ${status}`);
    response.status(status);
    if (schema === null) response.end();
    else response.json(schema.parse(content));
  };
}

function jsonIn(request: Request, { name, schema }: { name: string; schema: z.ZodType }): unknown {
  const body: unknown = request.body;
  if (schema instanceof z.ZodBoolean) return body;
  const kind = schema instanceof z.ZodArray ? 'array' : 'object';
  if (typeof body === 'object' && body !== null && Array.isArray(body) === (kind === 'array')) return body;
  throw new Terminal('InvalidBody', `parsing ${name} body failed, because it is no JSON ${kind}`);
}

/** Key and certificate, PEM. */
export interface Certificate {
  key: string;
  cert: string;
}

/** With a certificate it is https. */
export async function listen(app: Express, host: string, port: number, tls?: Certificate): Promise<Listening> {
  const server = tls ? createSecureServer(tls, app) : createServer(app);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen(port, host, resolve);
  await promise;
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  const name = host.includes(':') ? `[${host}]` : host;
  const url = `${tls ? 'https' : 'http'}://${name}:${address.port}`;
  return { url, server, close: () => close(server) };
}

async function close(server: Server): Promise<void> {
  // A request on a connection that is kept open gets its answer, and the connection ends with it.
  server.prependListener('request', (_request, response) => response.setHeader('connection', 'close'));
  const deadline = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
  await new Promise((done) => {
    server.close(done);
    server.closeIdleConnections();
  });
  clearTimeout(deadline);
}

function answerError(response: Response, status: number, code: number, message: string): void {
  if (response.headersSent) response.destroy();
  else response.status(status).json({ code, message });
}

function errorHandler(log: Logger): ErrorRequestHandler {
  // express knows an error handler by its four parameters.
  return (error: unknown, request, response, next) => {
    void next;
    if (error instanceof KeptnError) {
      const isSilent = !response.headersSent && !response.hasHeader('retry-after');
      if (error instanceof Transient && isSilent) response.setHeader('retry-after', RETRY_AFTER_SECONDS);
      const code = error instanceof FieldError ? error.problem : error.status;
      return answerError(response, error.status, code, error.message);
    }
    const refusal = refusalOf(error);
    if (refusal) return answerError(response, refusal.status, refusal.status, refusal.message);
    const requestId: unknown = response.locals['requestId'];
    const about = { requestId, method: request.method, path: request.path };
    log.error({ err: error, ...about, keptnContext: request.headers['x-keptn-context'] }, 'request failed');
    answerError(response, 500, 500, `internal error, request ${String(requestId)}`);
  };
}

/** What express and its body parser refuse: their errors carry a 4xx status. */
function refusalOf(error: unknown): { status: number; message: string } | undefined {
  if (!(error instanceof Error) || !('status' in error) || typeof error.status !== 'number') return undefined;
  if (error.status < 400 || error.status > 499) return undefined;
  if (error.status === 413) {
    const limit = 'limit' in error && typeof error.limit === 'number' ? error.limit : 0;
    return { status: 413, message: `the body is too large: ${limit} bytes are allowed` };
  }
  if ('type' in error && error.type === 'entity.parse.failed') {
    return { status: 400, message: `parsing the body failed, because it is no JSON: ${error.message.slice(0, 200)}` };
  }
  return { status: error.status, message: error.message.slice(0, 200) };
}
