/** The api as a process in a cluster: `npm run api`. */
import { z } from 'zod';
import { observeBus } from '../../lib/bus/bus-metrics.ts';
import { connectNatsBus } from '../../lib/bus/nats/bus.ts';
import { serveHealth } from '../../lib/observe/health.ts';
import { createLog } from '../../lib/observe/log.ts';
import { createProcessMetrics } from '../../lib/observe/process-metrics.ts';
import { natsServers, port, runProgram } from '../../lib/observe/program.ts';
import { KeptnObject } from '../../lib/resources/kubernetes/keptn-object.ts';
import { PlainObjects } from '../../lib/resources/kubernetes/plain-objects.ts';
import { createKubernetesStore, loadKubeConfig } from '../../lib/resources/kubernetes/store.ts';
import { readCertificate, selfSignedIn } from './certificate.ts';
import { startApi } from './service.ts';

const settings = z
  .object({
    /** The API token, 16 characters at least: key keptn-api-token of the Secret keptn-api-token. */
    SECRET_TOKEN: z.string().min(16),
    PORT: port.default(8080),
    /** Port of /healthz and /metrics. */
    KEPTN_HEALTH_PORT: port.default(8081),
    /** Port of https; its certificate is KEPTN_TLS_CERT and KEPTN_TLS_KEY, or a self-signed one. */
    KEPTN_TLS_PORT: port.optional(),
    KEPTN_TLS_CERT: z.string().optional(),
    KEPTN_TLS_KEY: z.string().optional(),
    /** Folder where the self-signed certificate is kept. */
    KEPTN_DATA_DIR: z.string().min(1).default('.keptn'),
    KEPTN_LISTEN_HOST: z.string().min(1).default('0.0.0.0'),
    PUBSUB_URL: natsServers,
    EVENTBROKER_URI: z.url().default('http://event-broker.keptn.svc.cluster.local/keptn'),
    CONFIGURATION_URI: z.url().default('http://configuration-service:8080'),
    DATASTORE_URI: z.url().default('http://mongodb-datastore.keptn-datastore.svc.cluster.local:8080'),
    /** Where projects and services are made. */
    KEPTN_NAMESPACE: z.string().min(1).default('default'),
  })
  .refine(
    ({ KEPTN_TLS_CERT: cert, KEPTN_TLS_KEY: key }) => (cert === undefined) === (key === undefined),
    'KEPTN_TLS_CERT and KEPTN_TLS_KEY belong together',
  );

const log = createLog('api');

await runProgram(log, settings, async (given) => {
  const bus = await connectNatsBus({ servers: given.PUBSUB_URL, log });
  const config = loadKubeConfig();
  const store = createKubernetesStore({ config, log });
  // It answers at once, and says at /readyz when it knows the objects.
  void store.follow(() => undefined);
  const metrics = createProcessMetrics();
  observeBus(metrics, bus);
  const api = await startApi({
    ...{ bus, store, metrics, log },
    namespace: given.KEPTN_NAMESPACE,
    installation: new KeptnObject(new PlainObjects(config, 'keptn-api'), given.KEPTN_NAMESPACE),
    places: {
      configuration: given.CONFIGURATION_URI,
      eventbroker: given.EVENTBROKER_URI,
      datastore: given.DATASTORE_URI,
    },
    token: given.SECRET_TOKEN,
    host: given.KEPTN_LISTEN_HOST,
    port: given.PORT,
    secure: await secureOf(given),
  });
  return [api, bus, store, await serveHealth(given.KEPTN_LISTEN_HOST, given.KEPTN_HEALTH_PORT, metrics.registry)];
});

async function secureOf(given: z.output<typeof settings>) {
  const { KEPTN_TLS_PORT: tlsPort, KEPTN_TLS_CERT: cert, KEPTN_TLS_KEY: key, KEPTN_DATA_DIR: folder } = given;
  if (tlsPort === undefined) return undefined;
  return { port: tlsPort, certificate: await (cert && key ? readCertificate(cert, key) : selfSignedIn(folder)) };
}
