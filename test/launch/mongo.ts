/**
 * A server of MongoDB's protocol: FerretDB on SQLite. It has no TTL indexes, `$first` and change streams, and looks
 * through nested fields without an index, so that it tells what is right and nothing about speed.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../tools/real-parts/free-port.ts';
import { locate } from '../../tools/real-parts/locate.ts';
import { ManagedProcess } from '../../tools/real-parts/managed-process.ts';
import { temporaryFolder } from '../../tools/real-parts/temporary.ts';
import { accepts } from '../../tools/real-parts/accepts.ts';

export interface Mongo {
  url: string;
  /** SIGKILL. */
  kill(): Promise<void>;
  startAgain(): Promise<void>;
  stop(): Promise<void>;
}

export async function startMongo(): Promise<Mongo> {
  const directory = await temporaryFolder('mongo');
  const data = join(directory, 'data');
  await mkdir(data);
  const port = await freePort();
  const server = new ManagedProcess({
    name: 'ferretdb',
    command: await locate('ferretdb'),
    args: [
      `--listen-addr=127.0.0.1:${port}`,
      '--handler=sqlite',
      `--sqlite-url=file:${data}/`,
      `--state-dir=${directory}`,
      '--telemetry=disable',
      '--debug-addr=-',
      '--log-level=warn',
    ],
    ready: () => accepts(port),
  });
  await server.start();
  return {
    url: `mongodb://127.0.0.1:${port}/`,
    kill: async () => void (await server.end('SIGKILL')),
    startAgain: () => server.start(),
    async stop() {
      await server.end('SIGKILL');
      await rm(directory, { recursive: true, force: true });
    },
  };
}

let shared: Promise<Pick<Mongo, 'url'>> | undefined;

/** One for the whole test run, the user's own where MONGODB_URI names it; nobody may kill it. */
export function sharedMongo(): Promise<Pick<Mongo, 'url'>> {
  const url = process.env['MONGODB_URI'];
  return (shared ??= url ? Promise.resolve({ url }) : startMongo());
}
