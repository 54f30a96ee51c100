/** The operator on a cluster: settings, adapters, leader election, health, and a graceful stop. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { observeBus } from '../lib/bus/bus-metrics.ts';
import { connectNatsBus } from '../lib/bus/nats/bus.ts';
import type { EventBus } from '../lib/bus/port.ts';
import type { Keptn } from '../lib/model/keptn.ts';
import { kindNames } from '../lib/model/object.ts';
import { createLog } from '../lib/observe/log.ts';
import { createOperatorMetrics } from '../lib/observe/metrics.ts';
import { serveHealth } from '../lib/observe/health.ts';
import { startTracing } from '../lib/observe/trace.ts';
import { Lease } from '../lib/resources/kubernetes/lease.ts';
import { createKubernetesStore, loadKubeConfig } from '../lib/resources/kubernetes/store.ts';
import { Configuration } from '../lib/configuration/client.ts';
import { Controller } from './controller.ts';
import { startDeliveries, type PhaseLimits } from './deliveries.ts';
import { InstallationController } from './installation/controller.ts';
import { defaultLimits, phaseLimits } from './phase-limits.ts';
import { AUTHOR, type Parts } from './reconciliation.ts';

/** Longer than the watch's own limit for a quiet connection. */
const QUIET_LIMIT_SECONDS = 90;
/** Kubernetes sends SIGKILL 30 s after SIGTERM. */
const STOP_DEADLINE_MS = 20_000;

const count = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('must be a whole number, 0 or more');
  return value;
};
const setting = (flags: string, text: string, env: string, fallback: string): Option =>
  new Option(flags, text).env(env).default(fallback);

const command = new Command('keptn-operator')
  .description('Reconciles Project, Stage, Service and Resource objects into Git and announces them as CloudEvents.')
  .addOption(
    new Option('--kubeconfig <file>', 'kubeconfig file; else as kubectl finds it, or the service account in a pod').env(
      'KUBECONFIG',
    ),
  )
  .addOption(
    setting(
      '--configuration-service <url>',
      'where the configuration-service is',
      'KEPTN_CONFIGURATION_SERVICE',
      'http://configuration-service:8080',
    ),
  )
  .addOption(
    setting('--nats <url>', 'where NATS is; several with commas', 'NATS_URL', 'nats://keptn-nats-cluster:4222'),
  )
  .addOption(new Option('--workers <n>', 'objects in work at once').env('KEPTN_WORKERS').default(16).argParser(count))
  .addOption(
    new Option('--resync <seconds>', 'look at every object again after this time')
      .env('KEPTN_RESYNC')
      .default(600)
      .argParser(count),
  )
  .addOption(
    new Option('--phase-timeouts <list>', 'how long a phase of a delivery may last before it is aborted')
      .env('KEPTN_PHASE_TIMEOUTS')
      .argParser(phaseLimits)
      .default(phaseLimits(defaultLimits), defaultLimits),
  )
  .addOption(
    new Option('--leader-elect', 'of several replicas let a Lease choose the one that works').env('KEPTN_LEADER_ELECT'),
  )
  .addOption(
    setting(
      '--namespace <name>',
      "the operator's own: of its Lease, and of the installation",
      'POD_NAMESPACE',
      'keptn',
    ),
  )
  .addOption(
    new Option('--image <image>', 'of the parts of an installation; else that of the Deployment of the operator').env(
      'KEPTN_IMAGE',
    ),
  )
  .addOption(setting('--helm <program>', 'the helm program, by which Istio is installed', 'HELM', 'helm'))
  .addOption(
    setting('--listen-host <address>', 'address of /healthz, /readyz and /metrics', 'KEPTN_LISTEN_HOST', '0.0.0.0'),
  )
  .addOption(
    new Option('--health-port <n>', 'port of /healthz, /readyz and /metrics')
      .env('KEPTN_HEALTH_PORT')
      .default(8081)
      .argParser(count),
  );

interface Settings {
  kubeconfig?: string;
  configurationService: string;
  nats: string;
  workers: number;
  resync: number;
  phaseTimeouts: PhaseLimits;
  leaderElect?: boolean;
  namespace: string;
  image?: string;
  helm: string;
  listenHost: string;
  healthPort: number;
}

async function run(settings: Settings): Promise<void> {
  const log = createLog('operator');
  const tracing = await startTracing('operator', log);
  const metrics = createOperatorMetrics();
  const config = loadKubeConfig(settings.kubeconfig);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

  const store = createKubernetesStore({
    config,
    log,
    onWatchEvent: (kind, event) => metrics.watchEvents.inc({ kind, event }),
  });
  const installation = new InstallationController({
    ...{ config, namespace: settings.namespace, image: settings.image, helm: settings.helm, log, metrics },
    onDeclared: (keptn) => {
      if (!bus || natsOf(keptn) === nats) return;
      log.info({ nats: natsOf(keptn) }, 'NATS is elsewhere from now on: starting again with it');
      stop.abort();
    },
  });
  const natsOf = (keptn: Keptn | undefined): string => keptn?.spec.nats.url ?? settings.nats;
  let nats = settings.nats;
  let bus: EventBus | undefined;

  const health = await serveHealth(settings.listenHost, settings.healthPort, metrics.registry, () => {
    const { synced, quietSeconds } = store.health();
    const reasons: string[] = [];
    if (!synced || !installation.listed) reasons.push('the objects are not listed yet');
    else if (quietSeconds > QUIET_LIMIT_SECONDS)
      reasons.push(`nothing heard from the API server for ${Math.round(quietSeconds)} s`);
    // Before anything is declared there is no NATS, and nothing to announce.
    const isIdle = !installation.installed && kindNames.every((kind) => store.objects.list(kind).length === 0);
    if (!bus?.ready() && !isIdle) reasons.push('not connected to NATS');
    return reasons;
  });
  log.info({ health: health.url, configurationService: settings.configurationService }, 'operator started');

  const lease = settings.leaderElect
    ? new Lease({
        config,
        namespace: settings.namespace,
        name: 'keptn-operator',
        identity: `${hostname()}_${randomUUID()}`,
        log,
      })
    : undefined;
  const work = (async (): Promise<void> => {
    let controller: Controller | undefined = undefined;
    const follow = store.follow((change) => controller?.changed(change));
    const listed = Promise.all([follow, installation.follow(stop.signal)]);
    await Promise.race([listed, aborted(stop.signal)]);
    if (stop.signal.aborted) return;
    log.info('all objects are listed');
    nats = natsOf(installation.installed);
    bus = await connectNatsBus({ servers: nats.split(','), log });
    observeBus(metrics, bus);
    const configuration = new Configuration(settings.configurationService, AUTHOR);
    const parts: Parts = { store, configuration, bus, log, metrics };
    controller = new Controller(parts, { workers: settings.workers, resyncMs: settings.resync * 1000 });
    if (lease && !(await lease.acquire(stop.signal))) return;
    metrics.leader.set(1);
    log.info('reconciling');
    void lease?.hold(stop.signal).then((kept) => {
      // Another replica leads from now on: nothing of ours may be written after it has begun.
      if (!kept) process.exit(1);
    });
    const running = Promise.all([controller.run(), installation.run()]);
    const deliveries = await startDeliveries(parts, settings.phaseTimeouts);
    await aborted(stop.signal);
    await deliveries.close();
    controller.stop();
    installation.stop();
    await running;
  })();

  await aborted(stop.signal);
  log.info('stopping: what is in work ends first');
  const late = sleep(STOP_DEADLINE_MS, 'late', { ref: false });
  if ((await Promise.race([work, late])) === 'late')
    log.warn('work did not end in time; it is repeated after the next start');
  await lease?.release();
  await Promise.all([store.close(), bus?.close(), health.close()]);
  await tracing.close();
  log.info('stopped');
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

await run(command.parse().opts<Settings>());
process.exit(0);
