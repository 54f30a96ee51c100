/**
 * The git program, for what we do not do ourselves: packing, and speaking with other repositories. It sees nothing of
 * the machine's or the user's configuration, asks nobody for a password, and ends at a deadline.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { KeptnError, messageOf } from '../errors/classes.ts';

export interface GitRun {
  args: readonly string[];
  /** Of the bare repository. */
  folder?: string;
  /** As `git -c` has it; values do not show in the list of processes. */
  config?: Readonly<Record<string, string>>;
  env?: Readonly<Record<string, string>>;
  /** Everything else on the machine goes first. */
  isBackground?: boolean;
}

/** git ended with a code that is not 0, or did not end in time; `message` is what it printed. */
export class GitFailure extends KeptnError {
  /** null: it was stopped, or could not be started. */
  readonly exitCode: number | null;

  constructor(message: string, exitCode: number | null, options?: ErrorOptions) {
    super('Unavailable', message, options);
    this.exitCode = exitCode;
  }
}

/** What git and its helpers need of ours: how to find programs, certificates and proxies. */
const INHERITED = /^(PATH|TMPDIR|GIT_SSL_CAINFO|GIT_SSL_CAPATH|SSL_CERT_(FILE|DIR)|(https?|no|all)_proxy)$/i;
const MAX_OUTPUT = 64 * 1024 * 1024;

function environment({ config = {}, env = {} }: GitRun): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && INHERITED.test(name)) result[name] = value;
  }
  // A volume may belong to another user than the process runs as.
  const all = Object.entries({ 'safe.directory': '*', 'gc.auto': '0', ...config });
  const count = String(all.length);
  Object.assign(result, {
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    HOME: '/nonexistent',
  });
  Object.assign(result, { GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_COUNT: count });
  for (const [at, [key, value]] of all.entries()) {
    result[`GIT_CONFIG_KEY_${at}`] = key;
    result[`GIT_CONFIG_VALUE_${at}`] = value;
  }
  return { ...result, ...env };
}

/** A running git, with pipes, in a process group of its own: `stopGit` ends it with its helpers. */
export function spawnGit(run: GitRun): ChildProcess {
  const args = [...(run.folder === undefined ? [] : ['--git-dir', run.folder]), ...run.args];
  const child = spawn('git', args, { env: environment(run), stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  if (run.isBackground && child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  return child;
}

export function stopGit({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

/** Runs git to its end; gives what it wrote to stdout. Throws GitFailure. */
export async function runGit(run: GitRun, deadlineMs: number, signal?: AbortSignal): Promise<Buffer> {
  const child = spawnGit(run);
  const stdout: Buffer[] = [];
  let size = 0;
  let stderr = '';
  let stopped: string | undefined;
  const stop = (why: string): void => {
    stopped ??= why;
    stopGit(child);
  };
  const timer = setTimeout(() => stop(`git ${run.args[0]} took longer than ${deadlineMs / 1000} s`), deadlineMs);
  const abort = (): void => stop(`git ${run.args[0]} was stopped`);
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort);
  child.stdout?.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > MAX_OUTPUT) stop(`git ${run.args[0]} wrote more than ${MAX_OUTPUT} bytes`);
    else stdout.push(chunk);
  });
  child.stderr?.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-8192)));
  child.stdin?.on('error', () => undefined).end();
  try {
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('close', resolve);
    });
    if (exitCode === 0 && stopped === undefined) return Buffer.concat(stdout);
    throw new GitFailure(stopped ?? (stderr.trim() || `git ${run.args[0]} ended with ${exitCode}`), exitCode);
  } catch (error) {
    if (error instanceof GitFailure) throw error;
    throw new GitFailure(`the git program cannot be started: ${messageOf(error)}`, null, { cause: error });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}
