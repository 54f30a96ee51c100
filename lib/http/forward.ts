/** Hands requests on to another service, bodies as they come: what a gateway did in 0.6.2. */
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import { messageOf, Transient } from '../errors/classes.ts';
import { traceparent } from '../observe/trace.ts';

const CONNECTIONS = 64;
const TIMEOUT_MS = 60_000;
/** Of one connection, not of the message; and the token, which is for us alone. */
const own = new Set(
  'connection keep-alive proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade host x-token authorization cookie expect'.split(
    ' ',
  ),
);

export interface ForwarderOptions {
  headers?: Readonly<Record<string, string>>;
  connections?: number;
}

export class Forwarder {
  readonly #base: URL;
  readonly #agent: Agent;
  readonly #headers: Readonly<Record<string, string>>;

  /** `base`: where the service is; `headers`: that each request gets; `connections`: to it at once. */
  constructor(base: string, { headers = {}, connections = CONNECTIONS }: ForwarderOptions = {}) {
    this.#base = new URL(base);
    this.#headers = headers;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections, timeout: TIMEOUT_MS });
  }

  /** `path`: at the service, with its query. Rejects with `Transient` when the service does not answer. */
  async forward(path: string, request: Request, response: Response): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const parent = traceparent();
    const outgoing = httpRequest(new URL(path, this.#base), {
      method: request.method,
      headers: {
        ...kept(request.headers),
        ...this.#headers,
        ...(parent !== undefined && { traceparent: parent }),
        'x-request-id': String(response.locals['requestId']),
      },
      agent: this.#agent,
      timeout: TIMEOUT_MS,
    });
    outgoing.once('timeout', () => outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
    outgoing.once('error', (error) => reject(new Transient(`the service behind does not answer: ${messageOf(error)}`)));
    outgoing.once('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, kept(answer.headers));
      // A client that goes away in the middle is nobody's error.
      pipeline(answer, response).then(resolve, resolve);
    });
    response.once('close', () => outgoing.destroy());
    request.pipe(outgoing);
    await promise;
  }

  close(): void {
    this.#agent.destroy();
  }
}

function kept(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !own.has(name)));
}
