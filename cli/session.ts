/** What every command has at hand: its flags for output and waiting, and Keptn. */
import { Option, type Command } from 'commander';
import type { Begun } from './client.ts';
import { formats, Output, type Format } from './output.ts';

interface Common {
  output: Format;
  quiet: boolean;
  wait: boolean;
  timeout: number;
}

/** Flags that all commands have. */
export function withOutput(command: Command): Command {
  return command
    .addOption(new Option('-o, --output <format>', 'how results are shown').choices(formats).default('table'))
    .option('-q, --quiet', 'no progress, only results and errors', false);
}

/** Flags of commands that begin something. */
export function withWaiting(command: Command, seconds = 90): Command {
  return withOutput(command)
    .option('--no-wait', 'do not wait until it is done')
    .option('--timeout <seconds>', 'how long to wait', Number, seconds);
}

export function outputOf(command: Command): Output {
  const { output, quiet } = command.opts<Common>();
  return new Output(output, quiet);
}

/** Milliseconds; undefined when nobody waits. */
export function waitingOf(command: Command): number | undefined {
  const { wait, timeout } = command.opts<Common>();
  return wait ? timeout * 1000 : undefined;
}

export async function clientOf() {
  const [{ Client }, { loadCredentials }] = await Promise.all([import('./client.ts'), import('./credentials.ts')]);
  return new Client(await loadCredentials());
}

/** Says in which keptn context it is told, and shows that to its end, unless nobody waits. */
export async function whenDone(command: Command, begun: Begun): Promise<void> {
  const timeoutMs = waitingOf(command);
  const output = outputOf(command);
  output.line('INFO', `ID of Keptn context: ${begun.keptnContext}`);
  if (timeoutMs === undefined) return;
  const { follow } = await import('./follow.ts');
  await follow((await clientOf()).credentials, begun.keptnContext, output, timeoutMs);
}
