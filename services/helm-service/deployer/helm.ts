/** The helm program: version 3, or 2.12 with its Tiller, told apart by setting. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { archiveOf } from '../charts/chart.ts';
import type { Release } from './port.ts';

export interface HelmSettings {
  /** Path of the program. */
  program: string;
  version: 'v2' | 'v3';
  /** File; else as helm finds it. */
  kubeconfig?: string | undefined;
  /** Seconds for a rollout. */
  timeoutSeconds: number;
}

/** What helm wrote on stderr when it ended with an error. */
export class HelmError extends Error {}

const MAX_OUTPUT = 16 * 1024 * 1024;
const LINE = 500;

export class Helm {
  readonly #settings: HelmSettings;

  constructor(settings: HelmSettings) {
    this.#settings = settings;
  }

  async upgrade(release: Release, signal: AbortSignal, started?: () => void): Promise<void> {
    const { version, timeoutSeconds } = this.#settings;
    // Helm 2.12 knows no --atomic: what failed is rolled back by `undo`.
    const waiting =
      version === 'v3' ? ['--atomic', '--timeout', `${timeoutSeconds}s`] : ['--timeout', String(timeoutSeconds)];
    await this.#withChart(release, (chart) =>
      this.#run(
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
        started,
      ),
    );
  }

  async render(release: Release, signal?: AbortSignal): Promise<string> {
    const name = this.#settings.version === 'v3' ? [release.name] : ['--name', release.name];
    return this.#withChart(release, (chart) => {
      const args = this.#settings.version === 'v3' ? [...name, chart] : [chart, ...name];
      return this.#run(['template', ...args, ...inNamespace(release), ...setsOf(release)], signal);
    });
  }

  /** Brings a release out of the state that an interrupted change has left: to its last revision, or away. */
  async undo(release: Release): Promise<void> {
    const here = this.#settings.version === 'v3' ? inNamespace(release) : [];
    try {
      await this.#run(['rollback', release.name, '0', ...here]);
    } catch (error) {
      if (!(error instanceof HelmError)) throw error;
      // There is no revision before the first.
      const away =
        this.#settings.version === 'v3' ? ['uninstall', release.name, ...here] : ['delete', '--purge', release.name];
      await this.#run(away);
    }
  }

  /** The state of a release, such as `deployed` or `pending-upgrade`; undefined when there is none. */
  async state(release: Release): Promise<string | undefined> {
    const here = this.#settings.version === 'v3' ? inNamespace(release) : [];
    try {
      const answer = await this.#run(['history', release.name, ...here, '--max', '1', '-o', 'json']);
      // Helm 2 has DEPLOYED and PENDING_UPGRADE.
      return /"status": *"([A-Za-z_-]+)"/.exec(answer)?.[1]?.toLowerCase().replace('_', '-');
    } catch (error) {
      if (error instanceof HelmError && /not found/.test(error.message)) return undefined;
      throw error;
    }
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

  /** What it wrote on stdout. An abort asks it to stop, and it rolls back then. */
  #run(args: readonly string[], signal?: AbortSignal, started?: () => void): Promise<string> {
    const { program, kubeconfig } = this.#settings;
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const env = { ...process.env, ...(kubeconfig && { KUBECONFIG: kubeconfig }) };
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    started?.();
    const [out, err]: [Buffer[], Buffer[]] = [[], []];
    let size = 0;
    child.stdout.on('data', (chunk: Buffer) => void ((size += chunk.length) <= MAX_OUTPUT && out.push(chunk)));
    child.stderr.on('data', (chunk: Buffer) => void (err.length < LINE && err.push(chunk)));
    const stop = (): void => void child.kill('SIGTERM');
    signal?.addEventListener('abort', stop, { once: true });
    child.once('error', (error) => reject(new HelmError(`helm cannot be run: ${error.message}`, { cause: error })));
    child.once('close', (code) => {
      signal?.removeEventListener('abort', stop);
      if (code === 0) return resolve(Buffer.concat(out).toString('utf8'));
      reject(new HelmError(sentenceOf(Buffer.concat(err).toString('utf8')) || `helm ended with ${code ?? 'a signal'}`));
    });
    return promise;
  }
}

const inNamespace = ({ namespace }: Release): string[] => ['--namespace', namespace];

function setsOf({ values }: Release): string[] {
  // Names and numbers of ours: none has a comma.
  return Object.entries(values).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
}

/** Helm's last error without what warns of other things. */
function sentenceOf(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('WARNING'));
  return lines
    .join(' ')
    .replace(/^Error: /, '')
    .slice(0, LINE);
}
