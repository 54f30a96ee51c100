/** One of our processes, started as a user starts it: it can be killed, started again with another environment, and asked. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { freePort } from '../../tools/real-parts/free-port.ts';
import { ManagedProcess } from '../../tools/real-parts/managed-process.ts';

export const root = join(import.meta.dirname, '..', '..');

export interface NodeProcessOptions {
  env: Record<string, string>;
  /** Name of the environment variable that takes the port. */
  port: string;
  /** Path that answers 200 once the process works. */
  ready: string;
}

export interface NodeProcess extends ManagedProcess {
  url: string;
}

const packageSchema = z.object({ scripts: z.record(z.string(), z.string()) });

/** What an npm script gives to node: the same flags as a user has. */
export function argumentsOf(script: string): string[] {
  const { scripts } = packageSchema.parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')));
  const [command, ...args] = scripts[script]?.split(' ') ?? [];
  if (command !== 'node') throw new Error(`npm run ${script} does not run node`);
  return args.map((arg) => (arg.endsWith('.ts') ? join(root, arg) : arg));
}

/** Prepares the process of an npm script; the caller starts it. */
export async function nodeProcess(script: string, { env, port, ready }: NodeProcessOptions): Promise<NodeProcess> {
  const number = await freePort();
  const url = `http://127.0.0.1:${number}`;
  const managed = new ManagedProcess({
    name: script,
    command: process.execPath,
    args: argumentsOf(script),
    // Nobody's but its own, unless the test wants to know it.
    env: { KEPTN_HEALTH_PORT: '0', ...env, [port]: String(number) },
    ready: async () => (await fetch(url + ready)).ok,
  });
  return Object.assign(managed, { url });
}
