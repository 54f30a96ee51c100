/** What every command has at hand: its flags for output and waiting, and Keptn. */
import { Option, type Command } from 'commander';
import type { Client, Trace } from './client.ts';
import { formats, Output, type Column, type Format } from './output.ts';

interface Common {
  output: Format;
  quiet: boolean;
  verbose: boolean;
  mock: boolean;
  watch?: boolean;
  wait: boolean;
  suppressWebsocket?: boolean;
  timeout: number;
}

/** Flags that all commands have. */
export function withOutput(command: Command): Command {
  return command
    .addOption(new Option('-o, --output <format>', 'how results are shown').choices(formats).default('table'))
    .option('-q, --quiet', 'no progress, only results and errors', false)
    .option('-v, --verbose', 'also what is asked of Keptn, and how long it takes', false)
    .option('--mock', 'check what is given, and send nothing', false);
}

/** Flags of commands that list something. */
export function withWatch(command: Command): Command {
  return withOutput(command).option('-w, --watch', 'go on, and show what is new or has changed', false);
}

/** Flags of commands that begin something. */
export function withWaiting(command: Command, seconds = 90): Command {
  return withOutput(command)
    .option('--no-wait', 'do not wait until it is done')
    .addOption(new Option('--suppress-websocket', 'as --no-wait, which 0.6.2 calls so').hideHelp())
    .option('--timeout <seconds>', 'how long to wait', Number, seconds);
}

export interface ClusterFlags {
  kubeconfig?: string;
  context?: string;
  namespace: string;
}

/** Flags of commands that speak with a cluster, and not with the api alone. */
export function withCluster(command: Command): Command {
  return command
    .option('--kubeconfig <file>', 'the kubeconfig; else as kubectl finds it')
    .option('--context <name>', 'a context of the kubeconfig; else its current one')
    .option('-n, --namespace <name>', 'where the installation is', 'keptn');
}

export function outputOf(command: Command): Output {
  const { output, quiet } = command.opts<Common>();
  return new Output(output, quiet);
}

/** Milliseconds; undefined when nobody waits. */
export function waitingOf(command: Command): number | undefined {
  const { wait, suppressWebsocket = false, timeout } = command.opts<Common>();
  return wait && !suppressWebsocket ? timeout * 1000 : undefined;
}

export async function clientOf(command: Command) {
  const [{ Client }, { loadCredentials }] = await Promise.all([import('./client.ts'), import('./credentials.ts')]);
  return new Client(await loadCredentials(), traceOf(command));
}

export function traceOf(command: Command): Trace {
  const { verbose, mock } = command.opts<Common>();
  return { verbose, mock, output: outputOf(command) };
}

/** Shows a list, and with --watch goes on to show what is new in it. */
export async function showList<T>(
  command: Command,
  load: () => Promise<readonly T[]>,
  columns: readonly Column<T>[],
  empty: string,
): Promise<void> {
  const output = outputOf(command);
  const items = await load();
  if (!command.opts<Common>().watch) return output.items(items, columns, empty);
  const { watchList } = await import('./watch.ts');
  await watchList(output, items, load, columns);
}

/** Says so where Keptn is of another version; a Keptn that does not tell its version is an older one, and said nothing. */
export async function warnOfVersion(client: Client, output: Output): Promise<void> {
  const [{ loadConfig }, { fits, metadata }, { ownVersion }] = await Promise.all([
    import('./config.ts'),
    import('./version.ts'),
    import('../lib/observe/version.ts'),
  ]);
  if (!(await loadConfig()).automatic_version_check) return;
  const own = ownVersion();
  const told = await client.call('GET', '/v1/metadata', metadata).catch(() => undefined);
  if (told === undefined || fits(own, told.keptnversion)) return;
  output.line('WARN', `Keptn is ${told.keptnversion}, the command line ${own}: they might not fit`);
}

/** Makes the call, says in which keptn context it is told, and shows that to its end, unless nobody waits. */
export async function begin(command: Command, method: string, parts: readonly string[], body?: unknown): Promise<void> {
  const [client, { at, begun }] = await Promise.all([clientOf(command), import('./client.ts')]);
  const { keptnContext } = await client.call(method, at(...parts), begun, body);
  const timeoutMs = waitingOf(command);
  const output = outputOf(command);
  output.line('INFO', `ID of Keptn context: ${keptnContext}`);
  if (timeoutMs === undefined) return;
  const { follow } = await import('./follow.ts');
  await follow({ credentials: client.credentials, keptnContext }, output, timeoutMs);
}
