/** Prometheus metrics that every process of ours has: Node's own, the version, and requests by HTTP where it serves any. */
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { ownVersion } from './version.ts';

export interface ProcessMetrics {
  registry: Registry;
  /** `route` as it is declared, not the path that was asked. */
  requestSeconds: Histogram<'server' | 'method' | 'route' | 'status'>;
}

const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export function createProcessMetrics(): ProcessMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  new Gauge({ name: 'keptn_build_info', help: '1, with the version.', labelNames: ['version'], registers }).set(
    { version: ownVersion() },
    1,
  );
  return {
    registry,
    requestSeconds: new Histogram({
      name: 'keptn_http_request_seconds',
      help: 'Duration of a request by HTTP, by server, method, route and status.',
      labelNames: ['server', 'method', 'route', 'status'],
      buckets,
      registers,
    }),
  };
}
