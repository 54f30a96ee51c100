/** A child process that is started until it answers, can be killed and started again, and never outlives its parent. */
import { spawn, type ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { guardProcess, releaseProcess } from './guard.ts';

export interface ProcessOptions {
  /** What errors call it. */
  name: string;
  command: string;
  args: readonly string[];
  env?: Record<string, string>;
  /** Where it runs, and as whom; here, and as we are, without. */
  cwd?: string | undefined;
  uid?: number | undefined;
  /** False: of the environment it has nothing but `env`. */
  inherit?: boolean;
  /** True once the process works; asked again and again. */
  ready: () => Promise<boolean>;
  /** Seconds until it must be ready; 30 by default. */
  seconds?: number;
}

const LINES = 400;
export class ManagedProcess {
  readonly #options: ProcessOptions;
  readonly #output: string[] = [];
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();

  constructor(options: ProcessOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves when it is ready, or has been killed by a signal meanwhile; rejects with its output otherwise. */
  async start(env: Record<string, string> = {}): Promise<void> {
    const { name, command, args, cwd, uid, ready, inherit = true, seconds = 30 } = this.#options;
    const child = spawn(command, [...args], {
      env: { ...(inherit && process.env), ...this.#options.env, ...env },
      ...(cwd !== undefined && { cwd }),
      ...(uid !== undefined && { uid, gid: uid }),
      stdio: ['ignore', 'pipe', 'pipe'],
      // Out of the terminal's group: Ctrl-C reaches us alone, and we stop the parts in their order.
      detached: true,
    });
    this.#child = child;
    // A part that runs must not keep a test run from ending; the guard ends the part then.
    child.unref();
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => this.#keep(text));
      if (stream instanceof Socket) stream.unref();
    }
    const { pid } = child;
    if (pid !== undefined) guardProcess(pid);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ended = promise;
    child.once('error', (error) => {
      this.#keep(error.message);
      // A program that could not be started never closes.
      if (child.pid === undefined) resolve();
    });
    child.once('close', () => {
      if (pid !== undefined) releaseProcess(pid);
      resolve();
    });
    const deadline = Date.now() + seconds * 1000;
    while (Date.now() < deadline) {
      if (child.signalCode !== null) return;
      if (child.exitCode !== null || child.pid === undefined) break;
      if (await ready().catch(() => false)) return;
      await sleep(50);
    }
    throw new Error(`${name} did not become ready (exit code ${child.exitCode}):\n${this.output()}`);
  }

  /** Sends a signal that does not end it, such as SIGSTOP. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Sends the signal and waits for the end; the exit code, null after a signal. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.#child?.kill(signal);
    await this.ended();
    return this.#child?.exitCode ?? null;
  }

  /** Resolves when the process has ended, by itself or by a signal. */
  async ended(): Promise<void> {
    // Nothing but the child may keep us running while we wait for it.
    this.#child?.ref();
    await this.#ended;
  }

  /** The last lines that it wrote. */
  output(): string {
    return this.#output.slice(-60).join('');
  }

  #keep(text: string): void {
    this.#output.push(text);
    if (this.#output.length > LINES) this.#output.splice(0, LINES / 2);
  }
}
