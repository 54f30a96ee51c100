/** A whole installation that delivers: a cluster with simulated nodes and Istio's kinds, and each service as a process. */
import { join } from 'node:path';
import { freePort } from '../../tools/real-parts/free-port.ts';
import { locate } from '../../tools/real-parts/locate.ts';
import { temporaryFolder } from '../../tools/real-parts/temporary.ts';
import { rm } from 'node:fs/promises';
import { eventTypes, textIn, type KeptnEvent } from '../../lib/events/event.ts';
import { History } from '../../lib/history/client.ts';
import { commandLine, type CommandLine } from './keptn.ts';
import { nodeProcess, type NodeProcess } from './node-process.ts';
import { installIstioKinds, startNodes } from './nodes.ts';
import { startShop, type Shop } from './shop.ts';
import { startOwnWorld, type OwnWorld } from './world.ts';

const token = 'a-token-of-the-test-0123456789';

export const workflow = [
  'shipyard-service',
  'helm-service',
  'jmeter-service',
  'wait-service',
  'lighthouse-service',
  'gatekeeper-service',
  'remediation-service',
] as const;
export type WorkflowService = (typeof workflow)[number];

export interface DeliveryWorld extends OwnWorld {
  services: Record<WorkflowService, NodeProcess>;
  shop: Shop;
  history: History;
  datastore: NodeProcess;
  /** Our command line, for this api. */
  cli: CommandLine;
  keptnApi: NodeProcess;
  /** Where events are sent to. */
  eventbroker: string;
  /** The events of a service's newest delivery, the oldest first, log lines aside. */
  delivery(project: string, service: string): Promise<KeptnEvent[]>;
}

export interface DeliveryOptions {
  /** Further environment of the services. */
  env?: Record<string, string>;
  /** Without Istio's kinds. */
  plain?: boolean;
}

export async function startDeliveryWorld({ env = {}, plain = false }: DeliveryOptions = {}): Promise<DeliveryWorld> {
  const world = await startOwnWorld({ env });
  const folder = await temporaryFolder('delivery');
  const nodes = await startNodes(world.api);
  if (!plain) await installIstioKinds(world);
  const datastore = await nodeProcess('mongodb-datastore', {
    env: {
      PUBSUB_URL: world.nats.url,
      KEPTN_STORE: join(folder, 'history.sqlite'),
      KEPTN_LISTEN_HOST: '127.0.0.1',
      LOG_LEVEL: 'warn',
    },
    port: 'PORT',
    ready: '/readyz',
  });
  await datastore.start();
  const common = { PUBSUB_URL: world.nats.url, KEPTN_LISTEN_HOST: '127.0.0.1', LOG_LEVEL: 'warn' };
  const brokerPort = String(await freePort());
  const broker = `http://127.0.0.1:${brokerPort}`;
  const eventbroker = await nodeProcess('eventbroker', {
    env: { ...common, RCV_PORT: brokerPort },
    port: 'KEPTN_HEALTH_PORT',
    ready: '/readyz',
  });
  const api = await nodeProcess('api', {
    env: {
      ...common,
      ...{ KUBECONFIG: world.api.kubeconfig, SECRET_TOKEN: token },
      ...{
        CONFIGURATION_URI: world.configuration.url,
        DATASTORE_URI: datastore.url,
        EVENTBROKER_URI: broker,
      },
    },
    port: 'PORT',
    ready: '/readyz',
  });
  await Promise.all([eventbroker.start(), api.start()]);
  const shop = await startShop();
  const settings = {
    ...{ PUBSUB_URL: world.nats.url, CONFIGURATION_SERVICE: world.configuration.url, MONGODB_DATASTORE: datastore.url },
    ...{ KUBECONFIG: world.api.kubeconfig, HELM: await locate('helm'), APP_DOMAIN: 'keptn.example' },
    ...{ KEPTN_LISTEN_HOST: '127.0.0.1', LOG_LEVEL: 'warn', KEPTN_TEST_RUNNER: 'http', WAIT_DURATION: '1s' },
    ...shop.env,
    ...env,
  };
  const started = await Promise.all(
    workflow.map(async (name) => {
      const options = { env: settings, port: 'KEPTN_HEALTH_PORT', ready: '/readyz' };
      const service = await nodeProcess(name, options);
      await service.start();
      return [name, service] as const;
    }),
  );
  const history = new History(datastore.url);
  return {
    ...world,
    services: Object.fromEntries(started) as Record<WorkflowService, NodeProcess>,
    shop,
    history,
    datastore,
    cli: commandLine(() => ({ KEPTN_ENDPOINT: api.url, KEPTN_API_TOKEN: token, KUBECONFIG: world.api.kubeconfig })),
    keptnApi: api,
    eventbroker: broker,
    async delivery(project, service) {
      const changes = await history.events({ project, service, type: eventTypes.configurationChange });
      const first = changes.find(
        ({ data }) => ['', 'dev'].includes(textIn(data, 'stage') ?? '') && !JSON.stringify(data).includes('"promote"'),
      );
      if (!first) return [];
      return (await history.events({ keptnContext: first.shkeptncontext, project, service })).reverse();
    },
    async stop() {
      for (const [, service] of started) await service.end('SIGKILL');
      await api.end('SIGTERM');
      await eventbroker.end('SIGTERM');
      await shop.close();
      await datastore.end('SIGTERM');
      await world.stop();
      await nodes.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
