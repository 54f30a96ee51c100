/** Where the parts of an installation find each other: the names and ports of 0.6.2. */
import type { Installation } from './installation.ts';

export const services = {
  nats: 'keptn-nats-cluster',
  mongodb: 'mongodb',
  eventbroker: 'event-broker',
  api: 'api-service',
} as const;

export const places = {
  CONFIGURATION_SERVICE: 'http://configuration-service:8080',
  EVENTBROKER: `http://${services.eventbroker}/keptn`,
  MONGODB_DATASTORE: 'http://mongodb-datastore:8080',
  API: `http://${services.api}:8080`,
} as const;

/** What a process needs to take events from NATS. */
export function natsEnv({ spec: { nats } }: Installation): Record<string, string> {
  return { PUBSUB_URL: nats.url ?? `nats://${services.nats}:4222` };
}

/** Where each part sends its spans; none without. */
export function tracingEnv({ spec: { tracing } }: Installation): Record<string, string> {
  if (!tracing) return {};
  const sampled = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: String(tracing.ratio) };
  return { OTEL_EXPORTER_OTLP_ENDPOINT: tracing.endpoint, ...(tracing.ratio < 1 && sampled) };
}
