/** Calls of the api. A certificate that no authority vouches for is the one that was there at `keptn auth`, or refused. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { connect } from 'node:tls';
import { z } from 'zod';
import type { Credentials } from './credentials.ts';
import { CliError, MockEnd } from './errors.ts';
import type { Output } from './output.ts';

const TIMEOUT_MS = 30_000;
const refusal = z.object({ message: z.string() });
export const begun = z.object({ keptnContext: z.string(), token: z.string() });

/** The path of a call of the api, of its parts. */
export const at = (...parts: string[]): string => `/v1/${parts.map(encodeURIComponent).join('/')}`;

export interface Trace {
  /** Tell each call. */
  verbose: boolean;
  /** Change nothing: the first call that would ends the command. */
  mock: boolean;
  output: Output;
}

export class Client {
  readonly credentials: Credentials;
  readonly #trace: Trace;

  constructor(credentials: Credentials, trace: Trace) {
    this.credentials = credentials;
    this.#trace = trace;
  }

  /** The answer; throws what Keptn refuses with, or why it cannot be reached. */
  async call<T>(method: string, path: string, schema: z.ZodType<T>, body?: unknown): Promise<T> {
    const { verbose, mock, output } = this.#trace;
    if (mock && method !== 'GET') throw new MockEnd(method, path, body);
    const began = performance.now();
    const { status, text } = await this.#send(method, path, body);
    if (verbose) output.line('INFO', `${method} ${path}: ${status}, ${(performance.now() - began).toFixed(0)} ms`);
    const json: unknown = text === '' ? undefined : JSON.parse(text);
    if (status < 400) return schema.parse(json);
    const message = refusal.safeParse(json).data?.message ?? `HTTP ${status}`;
    if (status === 401) {
      throw new CliError(
        'unauthorized',
        `${message}: keptn auth --endpoint=${this.credentials.endpoint} --api-token=<token>`,
      );
    }
    throw new CliError(status === 503 ? 'unreachable' : 'failed', message);
  }

  async #send(method: string, path: string, body?: unknown): Promise<{ status: number; text: string }> {
    const { endpoint, token } = this.credentials;
    const url = new URL(endpoint.replace(/\/$/, '') + path);
    const headers = { 'x-token': token, 'content-type': 'application/json' };
    const options = { method, headers, timeout: TIMEOUT_MS, ...tlsOptions(this.credentials) };
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        const outgoing = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, resolve);
        outgoing.once('error', reject).once('timeout', () => outgoing.destroy(new Error('no answer within 30 s')));
        outgoing.end(body === undefined ? undefined : JSON.stringify(body));
      });
      const chunks: Buffer[] = [];
      for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
      return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') };
    } catch (error) {
      throw unreachable(endpoint, error);
    }
  }
}

/** For https and websockets: the certificate that was pinned stands for itself, whatever name it has. */
export function tlsOptions({ certificate }: Credentials) {
  return certificate === undefined ? {} : { ca: certificate, checkServerIdentity: () => undefined };
}

export function unreachable(endpoint: string, error: unknown): CliError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const reason = error instanceof Error ? error.message || code : String(error);
  if (/CERT|SELF_SIGNED/.test(code)) {
    const next = 'if you have installed it anew, keptn auth takes the new certificate';
    return new CliError('unreachable', `the certificate of ${endpoint} is not the known one (${reason}): ${next}`);
  }
  const next = 'is it running, and is this its address? keptn auth sets another';
  return new CliError('unreachable', `cannot reach Keptn at ${endpoint} (${reason}): ${next}`, { cause: error });
}

/** The certificate of an https server when no authority vouches for it, PEM; undefined when one does. */
export async function unknownCertificate(endpoint: string): Promise<string | undefined> {
  const { protocol, hostname, port } = new URL(endpoint);
  if (protocol !== 'https:') return undefined;
  return new Promise((resolve, reject) => {
    const servername = isIP(hostname) ? undefined : hostname;
    const options = { host: hostname, port: Number(port || 443), servername, rejectUnauthorized: false };
    const socket = connect(options, () => {
      const raw = socket.getPeerX509Certificate()?.toString();
      resolve(socket.authorized ? undefined : raw);
      socket.end();
    });
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error('no answer within 30 s')));
    socket.once('error', (error) => reject(unreachable(endpoint, error)));
  });
}
