/** Shows what is told in a keptn context, until its last line. */
import { WebSocket } from 'ws';
import { z } from 'zod';
import { tlsOptions, unreachable } from './client.ts';
import type { Credentials } from './credentials.ts';
import { CliError } from './errors.ts';
import type { Output } from './output.ts';

const line = z.object({
  data: z.object({ message: z.string(), terminate: z.boolean().default(false), loglevel: z.string().default('INFO') }),
});

/** Rejects when the last line is an error, or does not come within `timeoutMs`. */
export async function follow(
  credentials: Credentials,
  keptnContext: string,
  output: Output,
  timeoutMs: number,
): Promise<void> {
  const { endpoint, token } = credentials;
  const headers = { 'x-token': token, 'Keptn-Ws-Channel-Id': keptnContext };
  const socket = new WebSocket(endpoint.replace(/^http/, 'ws'), { headers, ...tlsOptions(credentials) });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    const next = `it goes on: keptn logs --follow ${keptnContext} shows the rest`;
    reject(new CliError('timeout', `not done within ${timeoutMs / 1000} s; ${next}`));
  }, timeoutMs);
  socket.on('message', (data: Buffer) => {
    const { data: said } = line.parse(JSON.parse(data.toString()));
    output.line(said.loglevel, said.message);
    if (!said.terminate) return;
    if (said.loglevel === 'ERROR') reject(new CliError('failed', said.message));
    else resolve();
  });
  socket.once('error', (error) => reject(unreachable(endpoint, error)));
  socket.once('close', () => reject(new CliError('unreachable', `${endpoint} has ended the connection`)));
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    socket.removeAllListeners('close');
    socket.on('error', () => undefined);
    socket.terminate();
  }
}
