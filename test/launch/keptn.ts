/** Our command line as a process: what it is given, what it says, how it ends. */
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { root } from './node-process.ts';

export interface Ran {
  code: number | null;
  out: string;
  err: string;
}

export interface Started {
  child: ChildProcess;
  /** Grows while it runs. */
  ran: Ran;
  ended: Promise<Ran>;
}

export interface CommandLine {
  start: (args: readonly string[], input?: string) => Started;
  keptn: (...args: string[]) => Promise<Ran>;
}

/** `env`: beside that of this process. */
export function commandLine(env: () => Record<string, string | undefined>): CommandLine {
  function start(args: readonly string[], input = ''): Started {
    const options = { env: { ...process.env, NO_COLOR: '1', ...env() } };
    const child = spawn(process.execPath, [join(root, 'cli/keptn.mjs'), ...args], options);
    const ran: Ran = { code: null, out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (ran.out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (ran.err += text));
    child.stdin.end(input);
    const ended = new Promise<Ran>((resolve) => child.once('close', (code) => resolve(Object.assign(ran, { code }))));
    return { child, ran, ended };
  }
  return { start, keptn: (...args) => start(args).ended };
}
