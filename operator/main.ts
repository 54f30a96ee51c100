/** The operator on a cluster: settings, adapters, leader election, health, and a graceful stop. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { connectNatsBus } from '../lib/bus/nats/bus.ts';
import { createLog } from '../lib/observe/log.ts';
import { createOperatorMetrics } from '../lib/observe/metrics.ts';
import { serveHealth } from '../lib/observe/health.ts';
import { Lease } from '../lib/resources/kubernetes/lease.ts';
import { createKubernetesStore, loadKubeConfig } from '../lib/resources/kubernetes/store.ts';
import { Configuration } from '../lib/configuration/client.ts';
import { Controller } from './controller.ts';
import { startDeliveries, type PhaseLimits } from './deliveries.ts';
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
  .addOption(setting('--namespace <name>', 'where the Lease is', 'POD_NAMESPACE', 'keptn'))
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
  listenHost: string;
  healthPort: number;
}

async function run(settings: Settings): Promise<void> {
  const log = createLog('operator');
  const metrics = createOperatorMetrics();
  const config = loadKubeConfig(settings.kubeconfig);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

  const store = createKubernetesStore({
    config,
    log,
    onWatchEvent: (kind, event) => metrics.watchEvents.inc({ kind, event }),
  });
  const bus = await connectNatsBus({ servers: settings.nats.split(','), log });
  const configuration = new Configuration(settings.configurationService, AUTHOR);
  const parts: Parts = { store, configuration, bus, log, metrics };
  const controller = new Controller(parts, { workers: settings.workers, resyncMs: settings.resync * 1000 });

  const health = await serveHealth(settings.listenHost, settings.healthPort, metrics.registry, () => {
    const { synced, quietSeconds } = store.health();
    const reasons: string[] = [];
    if (!synced) reasons.push('the objects are not listed yet');
    else if (quietSeconds > QUIET_LIMIT_SECONDS)
      reasons.push(`nothing heard from the API server for ${Math.round(quietSeconds)} s`);
    if (!bus.ready()) reasons.push('not connected to NATS');
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
    await Promise.race([store.follow((change) => controller.changed(change)), aborted(stop.signal)]);
    if (stop.signal.aborted) return;
    log.info('all objects are listed');
    if (lease && !(await lease.acquire(stop.signal))) return;
    metrics.leader.set(1);
    log.info('reconciling');
    void lease?.hold(stop.signal).then((kept) => {
      // Another replica leads from now on: nothing of ours may be written after it has begun.
      if (!kept) process.exit(1);
    });
    const running = controller.run();
    const deliveries = await startDeliveries(parts, settings.phaseTimeouts);
    await aborted(stop.signal);
    await deliveries.close();
    controller.stop();
    await running;
  })();

  await aborted(stop.signal);
  log.info('stopping: what is in work ends first');
  const late = sleep(STOP_DEADLINE_MS, 'late', { ref: false });
  if ((await Promise.race([work, late])) === 'late')
    log.warn('work did not end in time; it is repeated after the next start');
  await lease?.release();
  await Promise.all([store.close(), bus.close(), health.close()]);
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
