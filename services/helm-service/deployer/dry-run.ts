/**
 * Deploys nothing: checks a chart, renders it where there is a helm program, and keeps what it would apply as files, one a
 * release. Whatever it is part of says that it is a dry run.
 */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { messageOf } from '../../../lib/errors/classes.ts';
import { HelmError } from '../../../lib/helm/program.ts';
import type { Mesh } from '../charts/routes.ts';
import { Helm } from './helm.ts';
import { RolloutFailed, type Deployer, type Release } from './port.ts';

const metadata = z.looseObject({ name: z.string(), version: z.string() });

export interface DryRunSettings {
  /** Where `<release>.yaml` is written. */
  folder: string;
  /** A helm program, where there is one. */
  helm?: string | undefined;
}

export class DryRun implements Deployer {
  readonly dryRun = true;
  readonly #folder: string;
  readonly #helm: Helm | undefined;

  constructor({ folder, helm }: DryRunSettings) {
    this.#folder = folder;
    this.#helm = helm === undefined ? undefined : new Helm({ program: helm, version: 'v3', timeoutSeconds: 0 });
  }

  async mesh(): Promise<Mesh> {
    return 'istio';
  }

  async ensureNamespace(): Promise<void> {}

  async select(): Promise<void> {}

  async render(release: Release): Promise<string | undefined> {
    try {
      return await this.#helm?.render(release);
    } catch (error) {
      if (error instanceof HelmError) throw new RolloutFailed('ChartInvalid', error.message, { cause: error });
      throw error;
    }
  }

  async upgrade(release: Release): Promise<void> {
    check(release);
    const rendered = await this.render(release);
    const text = rendered ?? [...release.chart.files].map(([path, content]) => `# ${path}\n${content}`).join('\n---\n');
    await mkdir(this.#folder, { recursive: true });
    const file = join(this.#folder, `${release.name}.yaml`);
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  }
}

/** What can be told without a helm program. */
function check({ chart }: Release): void {
  const read = (path: string): unknown => {
    try {
      return parse(chart.files.get(path) ?? '');
    } catch (error) {
      throw new RolloutFailed('ChartInvalid', `${path} of chart ${chart.name}: ${messageOf(error)}`);
    }
  };
  const parsed = metadata.safeParse(read('Chart.yaml'));
  if (!parsed.success)
    throw new RolloutFailed('ChartInvalid', `Chart.yaml of chart ${chart.name} has no name or version`);
  read('values.yaml');
}
