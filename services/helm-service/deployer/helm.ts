/** What helm-service has the helm program do: charts out of Git, applied and rendered. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HelmProgram, inNamespace, type HelmProgramSettings } from '../../../lib/helm/program.ts';
import { archiveOf } from '../charts/chart.ts';
import type { Release } from './port.ts';

export interface HelmSettings extends HelmProgramSettings {
  /** Seconds for a rollout. */
  timeoutSeconds: number;
}

export class Helm extends HelmProgram {
  readonly #settings: HelmSettings;

  constructor(settings: HelmSettings) {
    super(settings);
    this.#settings = settings;
  }

  async upgrade(release: Release, signal: AbortSignal): Promise<void> {
    const { version, timeoutSeconds } = this.#settings;
    // Helm 2.12 knows no --atomic: what failed is rolled back by `undo`.
    const waiting =
      version === 'v3' ? ['--atomic', '--timeout', `${timeoutSeconds}s`] : ['--timeout', String(timeoutSeconds)];
    await this.#withChart(release, (chart) =>
      this.run(
        [
          'upgrade',
          '--install',
          release.name,
          chart,
          ...inNamespace(release),
          '--wait',
          ...waiting,
          ...setsOf(release),
        ],
        signal,
      ),
    );
  }

  async render(release: Release, signal?: AbortSignal): Promise<string> {
    const name = this.#settings.version === 'v3' ? [release.name] : ['--name', release.name];
    return this.#withChart(release, (chart) => {
      const args = this.#settings.version === 'v3' ? [...name, chart] : [chart, ...name];
      return this.run(['template', ...args, ...inNamespace(release), ...setsOf(release)], signal);
    });
  }

  async #withChart<T>(release: Release, work: (file: string) => Promise<T>): Promise<T> {
    const folder = await mkdtemp(join(tmpdir(), 'keptn-helm-'));
    try {
      const file = join(folder, `${release.chart.name}.tgz`);
      await writeFile(file, await archiveOf(release.chart));
      return await work(file);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

function setsOf({ values }: Release): string[] {
  // Names and numbers of ours: none has a comma.
  return Object.entries(values).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
}
