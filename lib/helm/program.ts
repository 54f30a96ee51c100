/** The helm program: version 3, or 2.12 with its Tiller. What it is asked for by others, and how a release is brought out of trouble. */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { traced } from '../observe/trace.ts';

export interface HelmProgramSettings {
  /** Path of the program. */
  program: string;
  version: 'v2' | 'v3';
  /** File; else as helm finds it. */
  kubeconfig?: string | undefined;
}

export interface ReleaseName {
  name: string;
  namespace: string;
}

/** What helm wrote on stderr when it ended with an error. */
export class HelmError extends Error {}

const MAX_OUTPUT = 16 * 1024 * 1024;
const LINE = 500;
const LOOK_MS = 1_000;
/** A helm of ours that was killed with us may still be at work. */
const ORPHAN_MS = 15_000;

export class HelmProgram {
  readonly #settings: HelmProgramSettings;

  constructor(settings: HelmProgramSettings) {
    this.#settings = settings;
  }

  /** What it wrote on stdout. An abort asks it to stop, and with --atomic it rolls back then. */
  run(args: readonly string[], signal?: AbortSignal): Promise<string> {
    return traced({ name: `helm ${args[0] ?? ''}` }, () => this.#start(args, signal));
  }

  #start(args: readonly string[], signal?: AbortSignal): Promise<string> {
    const { program, kubeconfig } = this.#settings;
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const env = { ...process.env, ...(kubeconfig && { KUBECONFIG: kubeconfig }) };
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
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

  /** The state of a release, such as `deployed` or `pending-upgrade`; undefined when there is none. */
  async state(release: ReleaseName): Promise<string | undefined> {
    try {
      const answer = await this.run(['history', release.name, ...this.#where(release), '--max', '1', '-o', 'json']);
      // Helm 2 has DEPLOYED and PENDING_UPGRADE.
      return /"status": *"([A-Za-z_-]+)"/.exec(answer)?.[1]?.toLowerCase().replace('_', '-');
    } catch (error) {
      if (error instanceof HelmError && /not found/.test(error.message)) return undefined;
      throw error;
    }
  }

  /** Brings a release out of the state that an interrupted change has left: to its last revision, or away. */
  async undo(release: ReleaseName): Promise<void> {
    const here = this.#where(release);
    try {
      await this.run(['rollback', release.name, '0', ...here]);
    } catch (error) {
      if (!(error instanceof HelmError)) throw error;
      // There is no revision before the first.
      const away =
        this.#settings.version === 'v3' ? ['uninstall', release.name, ...here] : ['delete', '--purge', release.name];
      await this.run(away);
    }
  }

  /** A release that a kill has left in the middle of a change takes no other before it is out of it. */
  async recover(release: ReleaseName): Promise<void> {
    for (const end = Date.now() + ORPHAN_MS; Date.now() < end; await sleep(LOOK_MS)) {
      if (!isInChange(await this.state(release))) return;
    }
    await this.undo(release);
  }

  /** Helm 2 looks for a release by its name alone. */
  #where(release: ReleaseName): string[] {
    return this.#settings.version === 'v3' ? inNamespace(release) : [];
  }
}

export const inNamespace = ({ namespace }: Pick<ReleaseName, 'namespace'>): string[] => ['--namespace', namespace];

/** True where a change has begun and not ended. */
export const isInChange = (state: string | undefined): boolean =>
  state?.startsWith('pending-') === true || state === 'uninstalling';

/** Helm's last error without what warns of other things. */
function sentenceOf(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('WARNING'));
  return lines
    .join(' ')
    .replace(/^Error: /, '')
    .slice(0, LINE);
}
