/** Shows what is told in a keptn context, until it is over. */
import { WebSocket } from 'ws';
import { z } from 'zod';
import { tlsOptions, unreachable } from './client.ts';
import type { Credentials } from './credentials.ts';
import { CliError } from './errors.ts';
import type { Output } from './output.ts';

const line = z.object({
  data: z.object({ message: z.string(), terminate: z.boolean().default(false), loglevel: z.string().default('INFO') }),
});

export interface Followed {
  credentials: Credentials;
  keptnContext: string;
  /**
   * Asked after each last line, and now and then: services end theirs where the command line of 0.6.2 is to stop, and a
   * delivery may go on behind it. By default it is over with the first last line.
   */
  isOver?: (hasLastLine: boolean) => Promise<boolean>;
}

const LOOK_MS = 1_000;

/** Rejects when the last line is an error, or does not come within `timeoutMs`. */
export async function follow(
  { credentials, keptnContext, isOver = async (hasLastLine) => hasLastLine }: Followed,
  output: Output,
  timeoutMs: number,
): Promise<void> {
  const { endpoint } = credentials;
  const socket = channel(credentials, keptnContext);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let last: { failure: string | undefined } | undefined;
  const look = async (): Promise<void> => {
    if (!(await isOver(last !== undefined))) return;
    if (last?.failure === undefined) resolve();
    else reject(new CliError('failed', last.failure));
  };
  const looking = setInterval(() => void look().catch(reject), LOOK_MS);
  const timer = setTimeout(() => {
    const next = `it goes on: keptn logs --follow ${keptnContext} shows the rest`;
    reject(new CliError('timeout', `not done within ${timeoutMs / 1000} s; ${next}`));
  }, timeoutMs);
  socket.on('message', (data: Buffer) => {
    const { data: said } = line.parse(JSON.parse(data.toString()));
    output.line(said.loglevel, said.message);
    if (!said.terminate) return;
    last = { failure: said.loglevel === 'ERROR' ? said.message : undefined };
    void look().catch(reject);
  });
  socket.once('error', (error) => reject(unreachable(endpoint, error)));
  socket.once('close', () => reject(new CliError('unreachable', `${endpoint} has ended the connection`)));
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    clearInterval(looking);
    socket.removeAllListeners('close');
    socket.on('error', () => undefined);
    socket.terminate();
  }
}

/** The websocket of a keptn context. */
export function channel(credentials: Credentials, keptnContext: string): WebSocket {
  const { endpoint, token } = credentials;
  const headers = { 'x-token': token, 'Keptn-Ws-Channel-Id': keptnContext };
  return new WebSocket(endpoint.replace(/^http/, 'ws'), { headers, ...tlsOptions(credentials) });
}
