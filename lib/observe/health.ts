/** The port of a process that people and Kubernetes look at: /healthz, /readyz and /metrics. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

/** Why the process is not ready; empty when it is. One short sentence each. */
export type ReadyCheck = () => string[];

export interface HealthServer {
  url: string;
  close(): Promise<void>;
}

export async function serveHealth(
  host: string,
  port: number,
  registry: Registry,
  /** Without it another port of the process says whether it is ready. */
  ready?: ReadyCheck,
): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const answer = (status: number, text: string, type = 'text/plain; charset=utf-8'): void => {
      response.writeHead(status, { 'content-type': type }).end(text);
    };
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, 'only GET\n');
    const path = (request.url ?? '/').split('?')[0];
    if (path === '/healthz') return answer(200, 'ok\n');
    if (path === '/readyz' && ready) {
      const reasons = ready();
      return reasons.length === 0 ? answer(200, 'ok\n') : answer(503, `${reasons.join('\n')}\n`);
    }
    if (path === '/metrics') {
      registry.metrics().then(
        (text) => answer(200, text, registry.contentType),
        () => answer(500, 'metrics are not available\n'),
      );
      return;
    }
    answer(404, 'there are /healthz, /metrics and, where no other port has it, /readyz\n');
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen(port, host, resolve);
  await promise;
  const address = server.address() as AddressInfo;
  return {
    url: `http://${host}:${address.port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
