/** What helm-service needs of a cluster. Two adapters: helm with the API server, and a dry run that records. */
import type { Chart } from '../charts/chart.ts';
import type { Mesh } from '../charts/routes.ts';

export interface Release {
  name: string;
  namespace: string;
  chart: Chart;
  /** Set over the values of the chart, by path. */
  values: Readonly<Record<string, string | number>>;
}

export interface Watching {
  /** Aborts the rollout, which is rolled back then. */
  signal: AbortSignal;
  /** A line for people, each time that more pods are ready. */
  progress: (line: string) => void;
}

/** Why a rollout failed, after it was rolled back. */
export class RolloutFailed extends Error {
  /** One word, as Kubernetes has it: ImagePullBackOff, FailedCreate … */
  readonly reason: string;

  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RolloutFailed';
    this.reason = reason;
  }
}

export interface Deployer {
  /** True: nothing reaches a cluster. */
  readonly dryRun: boolean;
  /** What the cluster has to move traffic with. */
  mesh(): Promise<Mesh>;
  /** `injected`: with Istio's side-cars. */
  ensureNamespace(name: string, injected: boolean): Promise<void>;
  /** What the chart renders to; undefined where that cannot be told. */
  render(release: Release): Promise<string | undefined>;
  /**
   * Installs or upgrades and waits until all is ready. Rejects with RolloutFailed when it did not become ready, and was
   * rolled back; with the signal's reason when that has aborted, and it was rolled back too.
   */
  upgrade(release: Release, watching: Watching): Promise<void>;
  /** Has a Service choose other pods, where no mesh moves the traffic. */
  select(namespace: string, service: string, selector: Readonly<Record<string, string>>): Promise<void>;
}
