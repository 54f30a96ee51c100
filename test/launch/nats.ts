/** A nats-server with JetStream, which syncs each message to disk as our installation does. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../tools/real-parts/free-port.ts';
import { locate } from '../../tools/real-parts/locate.ts';
import { ManagedProcess } from '../../tools/real-parts/managed-process.ts';
import { temporaryFolder } from '../../tools/real-parts/temporary.ts';
import { accepts } from './accepts.ts';

export interface Nats {
  url: string;
  /** SIGKILL. */
  kill(): Promise<void>;
  startAgain(): Promise<void>;
  stop(): Promise<void>;
}

export async function startNats(): Promise<Nats> {
  const directory = await temporaryFolder('nats');
  const port = await freePort();
  const config = join(directory, 'nats.conf');
  await writeFile(
    config,
    `listen: 127.0.0.1:${port}\njetstream { store_dir: "${directory}", sync_interval: always }\n`,
  );
  const server = new ManagedProcess({
    name: 'nats-server',
    command: await locate('nats-server'),
    args: ['-c', config],
    ready: () => accepts(port),
  });
  await server.start();
  return {
    url: `nats://127.0.0.1:${port}`,
    kill: async () => void (await server.end('SIGKILL')),
    startAgain: () => server.start(),
    async stop() {
      await server.end('SIGKILL');
      await rm(directory, { recursive: true, force: true });
    },
  };
}
