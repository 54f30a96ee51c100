/** Posts to one address over connections that are kept open; tells apart that nobody was there from all else. */
import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { Terminal } from '../../lib/errors/classes.ts';
import { MAX_EVENT_BYTES } from '../../lib/events/size.ts';

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** Nobody took the connection: what was to be sent has not been seen by anybody. */
export class NobodyThere extends Error {}

const nobody = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN']);

export class Poster {
  readonly #url: URL;
  readonly #agent: HttpAgent;
  readonly #request: typeof httpRequest;
  #closed = false;

  /** `connections`: how many at most. */
  constructor(url: URL, connections: number) {
    const secure = url.protocol === 'https:';
    const options = { keepAlive: true, maxSockets: connections };
    this.#url = url;
    this.#agent = secure ? new HttpsAgent(options) : new HttpAgent(options);
    this.#request = secure ? httpsRequest : httpRequest;
  }

  /** The answer, whatever its status; rejects when there is none before `signal` aborts. */
  async post(body: string, headers: Record<string, string>, signal: AbortSignal): Promise<Answer> {
    for (;;) {
      const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
      const length = { 'content-length': String(Buffer.byteLength(body)) };
      const options = { method: 'POST', agent: this.#agent, headers: { ...headers, ...length }, signal };
      const request = this.#request(this.#url, options);
      // As one text with the headers it is one write.
      request.once('response', resolve).once('error', reject).end(body);
      const response = await promise.catch((error: unknown) => {
        const code = error instanceof Error && 'code' in error ? String(error.code) : '';
        // A receiver may close a connection that was kept open just as this request comes.
        if (code === 'ECONNRESET' && request.reusedSocket && !this.#closed) return undefined;
        throw nobody.has(code) ? new NobodyThere(code, { cause: error }) : error;
      });
      if (response !== undefined) return answerOf(response);
    }
  }

  /** Ends what is on its way, too. */
  close(): void {
    this.#closed = true;
    this.#agent.destroy();
  }
}

async function answerOf(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_EVENT_BYTES) throw new Terminal('TooLarge', `the answer has more than ${MAX_EVENT_BYTES} bytes`);
    chunks.push(chunk);
  }
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
}
