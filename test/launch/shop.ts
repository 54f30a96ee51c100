/**
 * What is behind the names of a cluster whose nodes are simulated: one HTTP server, reached as a proxy, that plays every
 * deployed version of sockshop's carts. A test says which hosts are slow or failing.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Behaviour {
  delayMs?: number;
  failing?: boolean;
}

export interface Shop {
  /** Environment of a process that is to reach it. */
  env: Record<string, string>;
  /** By host, such as `carts-canary.sockshop-staging`. */
  behaviours: Map<string, Behaviour>;
  /** How often each host was asked. */
  asked: Map<string, number>;
  close(): Promise<void>;
}

const statuses: Readonly<Record<string, number>> = { POST: 201, DELETE: 202 };

export async function startShop(): Promise<Shop> {
  const behaviours = new Map<string, Behaviour>();
  const asked = new Map<string, number>();
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const host = (request.headers.host ?? '').replace(/:\d+$/, '');
    asked.set(host, (asked.get(host) ?? 0) + 1);
    const { delayMs = 0, failing = false } = behaviours.get(host) ?? {};
    if (delayMs > 0) await sleep(delayMs);
    const isHealth = request.url?.endsWith('/health') ?? false;
    request.resume();
    response.writeHead(failing && !isHealth ? 500 : (statuses[request.method ?? ''] ?? 200)).end('{}');
  };
  const server = createServer((request, response) => void answer(request, response));
  // A client that is told of a proxy asks it for a tunnel: we are at its other end as well.
  server.on('connect', (_request, socket: Socket) => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    server.emit('connection', socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    env: { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: url, NO_PROXY: '127.0.0.1,localhost' },
    behaviours,
    asked,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
