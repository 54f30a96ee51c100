/** The services of a delivery in the standalone process: deployed is into a cluster that is given, or, dry, into files. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { z } from 'zod';
import type { EventBus } from '../lib/bus/port.ts';
import { Configuration } from '../lib/configuration/client.ts';
import { Terminal } from '../lib/errors/classes.ts';
import { History } from '../lib/history/client.ts';
import { problemsOf } from '../lib/model/names.ts';
import type { EventMetrics } from '../lib/observe/event-metrics.ts';
import type { Logger } from '../lib/observe/log.ts';
import { fromEnvironment } from '../lib/observe/program.ts';
import { serve } from '../lib/service/serve.ts';
import type { Service } from '../lib/service/service.ts';
import { gatekeeperService } from '../services/gatekeeper-service/handler.ts';
import { DryRun } from '../services/helm-service/deployer/dry-run.ts';
import type { Deployer } from '../services/helm-service/deployer/port.ts';
import { helmService } from '../services/helm-service/handler.ts';
import { clusterDeployer, helmPartsOf, helmSettings, type HelmSettings } from '../services/helm-service/settings.ts';
import { providerInGit } from '../services/lighthouse-service/configured/git.ts';
import { jmeterService } from '../services/jmeter-service/handler.ts';
import { testSettings } from '../services/jmeter-service/settings.ts';
import { builtInProviders, lighthouseService } from '../services/lighthouse-service/handler.ts';
import { prometheusService, prometheusSettings } from '../services/prometheus-service/handler.ts';
import { monitoringInFolder } from '../services/prometheus-service/monitoring/folder.ts';
import { remediationService } from '../services/remediation-service/handler.ts';
import { remediationSettings } from '../services/remediation-service/settings.ts';
import { shipyardService } from '../services/shipyard-service/handler.ts';
import { waitService, waitSettings } from '../services/wait-service/handler.ts';

export interface WorkflowSettings {
  bus: EventBus;
  /** Addresses. */
  configuration: string;
  datastore: string;
  eventbroker: string;
  /** Folder for what the services keep. */
  data: string;
  /** Names of services that something else stands for. */
  without: readonly string[];
  /** Of the cluster to deploy to. */
  kubeconfig?: string | undefined;
  metrics: EventMetrics;
  log: Logger;
}

export interface Workflow {
  dryRun: boolean;
  close(): Promise<void>;
}

export async function startWorkflow(settings: WorkflowSettings): Promise<Workflow> {
  const { bus, data, metrics, log } = settings;
  const given = environment(helmSettings);
  const deployer = deployerOf(settings, given);
  const history = new History(settings.datastore);
  const configuration = (name: string): Configuration =>
    new Configuration(settings.configuration, `${name} <${name}@keptn.sh>`);
  const { isAborted: aborted } = history;
  const tests = { KEPTN_REPORTS_DIR: join(data, 'reports'), ...environment(testSettings) };
  const remediation = environment(remediationSettings);
  const { WAIT_DURATION: durationMs } = environment(waitSettings);
  const services: Service[] = [
    shipyardService(configuration('shipyard-service')),
    helmService({ configuration: configuration('helm-service'), history, deployer, ...helmPartsOf(given) }),
    jmeterService({ configuration: configuration('jmeter-service'), settings: tests, aborted, log }),
    waitService({ durationMs, aborted }),
    lighthouse(configuration('lighthouse-service'), history),
    prometheusService({
      configuration: configuration('prometheus-service'),
      monitoring: monitoringInFolder(join(data, 'prometheus'), settings.eventbroker),
      metricsPath: environment(prometheusSettings).METRICS_SCRAPE_PATH,
    }),
    gatekeeperService({ configuration: configuration('gatekeeper-service'), history }),
    remediationService({
      configuration: configuration('remediation-service'),
      history,
      unleash: remediation,
      settings: remediation,
    }),
  ];
  const unknown = settings.without.find((name) => !services.some((service) => service.name === name));
  if (unknown !== undefined) {
    const names = services.map(({ name }) => name).join(', ');
    throw new Terminal('InvalidField', `--without: there is no ${unknown}; there are ${names}`);
  }
  const stateFile = (name: string): string => join(data, 'services', `${name}.handled`);
  const running = await Promise.all(
    services
      .filter(({ name }) => !settings.without.includes(name))
      .map((service) => serve(service, { bus, metrics, log, stateFile: stateFile(service.name) })),
  );
  return {
    dryRun: deployer.dryRun,
    close: async () => void (await Promise.all(running.map((one) => one.close()))),
  };
}

function lighthouse(configuration: Configuration, history: History): Service {
  const { PROMETHEUS_URL } = environment(z.object({ PROMETHEUS_URL: z.url().default('http://127.0.0.1:9090') }));
  const providers = builtInProviders(configuration, PROMETHEUS_URL);
  return lighthouseService({ configuration, history, providers, projectProvider: providerInGit(configuration) });
}

function deployerOf({ kubeconfig, data }: WorkflowSettings, given: HelmSettings): Deployer {
  if (kubeconfig !== undefined) return clusterDeployer(given, kubeconfig);
  return new DryRun({ folder: join(data, 'dry-run'), helm: programOf(given.HELM) });
}

/** The path of a program; undefined when there is none. */
function programOf(name: string): string | undefined {
  const folders = name.includes('/') ? [''] : (process.env['PATH'] ?? '').split(delimiter);
  return folders
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Settings of a service, from the environment of this process. */
function environment<T>(schema: z.ZodType<T>): T {
  const parsed = fromEnvironment(schema);
  if (!parsed.success) throw new Terminal('InvalidField', problemsOf(parsed.error));
  return parsed.data;
}
