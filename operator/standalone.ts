/**
 * `npm start`: operator, services and event bus in one process, without a cluster. A directory of YAML files takes the
 * place of the Kubernetes API: adding, changing and removing a file is applying and deleting.
 */
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { observeBus } from '../lib/bus/bus-metrics.ts';
import { createMemoryBus } from '../lib/bus/memory/bus.ts';
import { KeptnError } from '../lib/errors/classes.ts';
import { filterPattern } from '../lib/bus/filter.ts';
import { createObjectGit } from '../lib/git/objects/store.ts';
import { tokenFromFile } from '../lib/http/token-file.ts';
import { kindNames, type Stored } from '../lib/model/object.ts';
import { findCondition } from '../lib/model/status.ts';
import { createLog } from '../lib/observe/log.ts';
import { createOperatorMetrics } from '../lib/observe/metrics.ts';
import { startTracing } from '../lib/observe/trace.ts';
import type { ResourceStore } from '../lib/resources/port.ts';
import { DEFAULT_NAMESPACE } from '../lib/model/manifest.ts';
import { createDirectoryStore } from '../lib/resources/directory/store.ts';
import { openSqliteStore } from '../lib/store/sqlite/store.ts';
import { createCredentialFiles } from '../services/configuration-service/upstream/credentials-file.ts';
import { Configuration } from '../lib/configuration/client.ts';
import { Controller } from './controller.ts';
import { startDeliveries } from './deliveries.ts';
import { defaultLimits, phaseLimits } from './phase-limits.ts';
import { startWorkflow } from './standalone-workflow.ts';
import { AUTHOR } from './reconciliation.ts';
import { selfSignedIn } from '../services/api/certificate.ts';
import { startServices, type Route } from './standalone-services.ts';
import { createView } from './standalone-view.ts';

const STOP_DEADLINE_MS = 10_000;
/** The table is shown when everything is ready, or after this time with what is not. */
const TABLE_DEADLINE_MS = 10_000;

interface Settings {
  data: string;
  port: number;
  listenHost: string;
  insecureUpstreams: boolean;
  deliver: Route[];
  kubeconfig?: string;
  without: string[];
}

/** The six behind it are needed as well. */
function portOf(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_529) return port;
  throw new InvalidArgumentError('It has to be a number from 1 to 65529, or 0 for any that are free.');
}

/** `TYPE=URL`, added to those before it. */
function routeOf(text: string, before: Route[]): Route[] {
  const [, topic = '', address = ''] = /^([^=]+)=(https?:\/\/.+)$/.exec(text) ?? [];
  if (!topic.startsWith('sh.keptn.') || !filterPattern.test(topic) || !URL.canParse(address)) {
    throw new InvalidArgumentError('It has to be like sh.keptn.events.evaluation-done=http://127.0.0.1:9090');
  }
  return [...before, { topic, url: new URL(address) }];
}

const more = (text: string, before: string[]): string[] => [...before, text];

const command = new Command('npm start --')
  .description('Runs Keptn on a directory of YAML files: no cluster, no Docker, no database server.')
  .argument('[directory]', 'folder with Project, Stage, Service and Resource objects', 'examples/sockshop')
  .addOption(
    new Option('--data <folder>', 'where Git repositories, events and state are kept')
      .env('KEPTN_DATA_DIR')
      .default('.keptn'),
  )
  .addOption(
    new Option(
      '--port <n>',
      'first of seven: configuration-service, eventbroker, datastore, api, api by https, Bridge, metrics',
    )
      .env('PORT')
      .default(8080)
      .argParser(portOf),
  )
  .addOption(
    new Option('--listen-host <address>', 'address that they listen on').env('KEPTN_LISTEN_HOST').default('127.0.0.1'),
  )
  .option('--deliver <type=url>', 'post events of this type (wildcards: * and >) to a service; repeatable', routeOf, [])
  .option('--without <service>', 'a service of ours that another one, by --deliver, stands for; repeatable', more, [])
  .addOption(
    new Option(
      '--kubeconfig <file>',
      'deploy by helm to the cluster of this file; without it every deployment is a dry run',
    ),
  )
  .option('--insecure-upstreams', 'upstreams may be plain http and on this machine, for trials', false)
  .parse();

/** What a person can mend; shown without a stack. */
class Refused extends Error {}

/** Relative below the current folder, absolute elsewhere. */
const shown = (path: string): string => {
  const short = relative(process.cwd(), path) || '.';
  return short.startsWith('..') ? path : short;
};

const readiness = (object: Stored | undefined): string => {
  const ready = findCondition(object?.status, 'Ready');
  return [ready?.status, ready?.reason, ready?.message, object?.status?.commit].join();
};

/** How the newest delivery of a Service has ended; undefined while it goes on. */
const endOf = (object: Stored | undefined): string | undefined => {
  const { reason, message } = findCondition(object?.status, 'Delivered') ?? {};
  return ['Delivered', 'Failed', 'Aborted', 'Superseded'].includes(reason ?? '') ? message : undefined;
};

async function run(directory: string, settings: Settings): Promise<void> {
  const data = resolve(settings.data);
  if (!(await stat(directory).catch(() => undefined))?.isDirectory())
    throw new Refused(`there is no folder ${shown(directory)}`);
  const view = createView(process.stdout);
  const log = createLog('standalone', process.env['LOG_LEVEL'] ?? 'error');
  const tracing = await startTracing('keptn', log);
  const metrics = createOperatorMetrics();
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  process.stdout.write(
    `Keptn, standalone: ${shown(directory)} is the cluster, ${shown(data)} keeps what it makes.\n\n`,
  );

  const git = await createObjectGit({ directory: join(data, 'config'), log });
  const tokenFile = join(data, 'api-token');
  const bus = await createMemoryBus({ directory: join(data, 'events'), log });
  observeBus(metrics, bus);
  const events = await openSqliteStore({ path: join(data, 'history', 'events.sqlite') });
  const services = await startServices({
    ...{ bus, git, store: events, metrics, log },
    credentials: await createCredentialFiles(join(data, 'credentials')),
    token: await tokenFromFile(tokenFile),
    certificate: await selfSignedIn(data),
    allowInsecure: settings.insecureUpstreams,
    namespace: DEFAULT_NAMESPACE,
    host: settings.listenHost,
    port: settings.port,
    deliver: settings.deliver,
  });
  const store = createDirectoryStore({
    directory,
    stateDirectory: join(data, 'resources'),
    log,
    onProblem: ({ file, line, message }) =>
      view.line('✗', 'red', `${shown(file)}${line === undefined ? '' : `:${line}`} ${message}`),
    onMended: ({ file }) => view.line('✓', 'green', `${shown(file)} is mended`),
  });
  const parts = {
    store,
    configuration: new Configuration(services.configuration, AUTHOR),
    bus,
    log,
    metrics,
  };
  const controller = new Controller(parts, { workers: 8, resyncMs: 600_000 });

  // The first reconciliation of everything is told by the table.
  let tableShown = false;
  await bus.subscribe({ durable: 'standalone-view', filters: ['sh.keptn.>'], from: 'new' }, async ({ event }) => {
    view.event(event);
    return { kind: 'ack' };
  });
  await store.follow((change) => {
    controller.changed(change);
    const { object, previous, deleted } = change;
    if (tableShown && (deleted || (object.status && readiness(object) !== readiness(previous))))
      view.object(object, deleted);
    const end = endOf(object);
    if (end !== undefined && end !== endOf(previous)) view.delivered(object);
  });
  const workflow = await startWorkflow({
    ...{ bus, data, log, kubeconfig: settings.kubeconfig, without: settings.without, metrics },
    ...{ configuration: services.configuration, datastore: services.datastore, eventbroker: services.eventbroker },
  });
  const deliveries = await startDeliveries(parts, phaseLimits(defaultLimits));
  const api = await services.startApi(store);
  const bridge = await services.startBridge(api);
  const work = controller.run();
  await settled(store, controller, stop.signal);
  process.stdout.write('\n');
  view.table(store.objects);
  tableShown = true;
  const repositories = shown(join(data, 'config'));
  const project = store.objects.list('Project')[0]?.metadata.name ?? 'PROJECT';
  process.stdout.write(`
Bridge             ${bridge}
Git repositories   git -C ${repositories}/${project}.git log --all --oneline
Clone              git -c http.extraHeader="x-token: $(cat ${shown(tokenFile)})" clone ${services.configuration}/git/${project}.git
API                ${api.url} and ${api.secureUrl ?? ''} with x-token: $(cat ${shown(tokenFile)})
Send an event      POST it to ${services.eventbroker}
Metrics            ${services.metrics}/metrics
Find events        ${services.datastore}/event?project=${project}
Deployments        ${workflow.dryRun ? `a dry run: what would be applied is in ${shown(join(data, 'dry-run'))}; --kubeconfig <file> deploys` : `go to the cluster of ${settings.kubeconfig ?? ''}`}
REST               ${api.url}/docs describes it, and lets you try it
Try next           edit a file in ${shown(directory)}, and watch the commit and the event appear here;
                   remove or add one: that is kubectl delete and apply
Ctrl-C stops; the next start goes on from here.

`);

  if (!stop.signal.aborted) await once(stop.signal, 'abort');
  process.stdout.write('\nStopping: what is in work ends first.\n');
  controller.stop();
  await Promise.race([work, sleep(STOP_DEADLINE_MS, undefined, { ref: false })]);
  await workflow.close();
  await deliveries.close();
  await store.close();
  await services.close();
  await bus.close();
  await events.close();
  await git.close();
  await tracing.close();
}

/** Until everything is Ready or waits for a person, or the deadline. */
async function settled(store: ResourceStore, controller: Controller, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + TABLE_DEADLINE_MS;
  const done = ({ status }: Stored): boolean =>
    findCondition(status, 'Ready')?.status === 'True' || findCondition(status, 'Stalled') !== undefined;
  while (!signal.aborted && Date.now() < deadline) {
    if (controller.busy === 0 && kindNames.every((kind) => store.objects.list(kind).every(done))) return;
    await sleep(50);
  }
}

try {
  await run(resolve(command.args[0] ?? 'examples/sockshop'), command.opts<Settings>());
  process.exit(0);
} catch (error) {
  if (!(error instanceof Refused) && !(error instanceof KeptnError)) throw error;
  process.stderr.write(`keptn: ${error.message}\n`);
  process.exit(2);
}
