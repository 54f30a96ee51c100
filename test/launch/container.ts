/** What a container of a pod is as a process of this machine: the same command and environment, with folders for its volumes. */
import { dirname, join } from 'node:path';
import type { V1Container, V1Probe } from '@kubernetes/client-node';
import { accepts } from '../../tools/real-parts/accepts.ts';
import { locate } from '../../tools/real-parts/locate.ts';
import { ManagedProcess } from '../../tools/real-parts/managed-process.ts';
import { root } from './node-process.ts';

/** What the pod gives to its containers. */
export interface Surroundings {
  /** Folder by mount path. */
  mounts: ReadonlyMap<string, string>;
  /** Port of 127.0.0.1 by the port in the pod. */
  ports: ReadonlyMap<number, number>;
  env: Readonly<Record<string, string>>;
}

interface Command {
  command: string;
  args: string[];
}

/** What runs in the place of an image: of its name, all but the tag counts. */
export type Programs = Readonly<
  Record<string, (container: V1Container, around: Surroundings) => Promise<Command> | Command>
>;

/** Our image, whose command names the part. */
export function runNode({ name, command = [] }: V1Container, { ports }: Surroundings): Command {
  const [program, ...args] = command;
  if (program !== 'node') throw new Error(`container ${name} does not run node`);
  const query = new URLSearchParams(
    [...ports].map(([inside, here]): [string, string] => [String(inside), String(here)]),
  );
  const preload = new URL(`pod-ports.ts?${query.toString()}`, import.meta.url);
  const own = args.map((arg) => (arg.endsWith('.ts') ? join(root, arg) : arg));
  return { command: process.execPath, args: ['--import', preload.href, ...own] };
}

export async function runNats({ args = [] }: V1Container, { mounts }: Surroundings): Promise<Command> {
  return { command: await locate('nats-server'), args: args.map((arg) => inFolders(arg, mounts)) };
}

/** FerretDB in the place of MongoDB: it speaks the protocol and asks for the password; for the rest see mongo.ts. */
export async function runMongo(_container: V1Container, { mounts, ports, env }: Surroundings): Promise<Command> {
  const data = inFolders('/data/db', mounts);
  const [user = '', password = ''] = [env['MONGO_INITDB_ROOT_USERNAME'], env['MONGO_INITDB_ROOT_PASSWORD']];
  return {
    command: await locate('ferretdb'),
    args: [
      ...[`--listen-addr=127.0.0.1:${ports.get(27_017)}`, '--handler=sqlite', `--sqlite-url=file:${data}/`],
      ...[`--state-dir=${data}`, '--telemetry=disable', '--debug-addr=-', '--log-level=warn'],
      ...[
        '--test-enable-new-auth',
        '--setup-database=admin',
        `--setup-username=${user}`,
        `--setup-password=${password}`,
      ],
    ],
  };
}

export async function processOf(
  container: V1Container,
  around: Surroundings,
  programs: Programs,
): Promise<ManagedProcess> {
  const image = container.image?.replace(/(:[^:/]+)?(@.*)?$/, '') ?? '';
  const program = programs[image];
  if (!program) throw new Error(`no program stands in for the image ${image}`);
  const { command, args } = await program(container, around);
  // Where an image has its programs.
  const path = [dirname(process.execPath), dirname(await locate('helm')), '/usr/bin', '/bin'].join(':');
  const temporary = around.mounts.get('/tmp');
  return new ManagedProcess({
    name: container.name,
    command,
    args,
    env: { PATH: path, ...around.env, ...(temporary !== undefined && { TMPDIR: temporary }) },
    inherit: false,
    ready: async () => true,
  });
}

/** A path in the container as one of this machine. */
export function inFolders(path: string, mounts: Surroundings['mounts']): string {
  const mount = [...mounts.keys()]
    .sort((one, other) => other.length - one.length)
    .find((candidate) => path === candidate || path.startsWith(`${candidate}/`));
  return mount === undefined ? path : `${mounts.get(mount)}${path.slice(mount.length)}`;
}

/** Whether a probe of the container is answered as Kubernetes wants it. */
export async function answers(probe: V1Probe | undefined, ports: Surroundings['ports']): Promise<boolean> {
  if (probe?.tcpSocket) return accepts(ports.get(Number(probe.tcpSocket.port)) ?? 0);
  const { path = '/', port = 0 } = probe?.httpGet ?? {};
  if (!probe?.httpGet) return true;
  const url = `http://127.0.0.1:${ports.get(Number(port)) ?? 0}${path}`;
  return fetch(url, { signal: AbortSignal.timeout(1_000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}
