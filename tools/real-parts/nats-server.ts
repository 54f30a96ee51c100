/** A nats-server with JetStream on loopback, which syncs each message to disk as our installation does. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { accepts } from './accepts.ts';
import { freePort } from './free-port.ts';
import { locate } from './locate.ts';
import { ManagedProcess } from './managed-process.ts';

/** Its messages lie in `directory`; nothing is started. */
export async function prepareNats(directory: string): Promise<{ url: string; server: ManagedProcess }> {
  const port = await freePort();
  const config = join(directory, 'nats.conf');
  const payload = 'max_payload: 4MB'; // of an event 2 MiB, and room for headers
  const store = `jetstream { store_dir: "${directory}", sync_interval: always }`;
  await writeFile(config, `listen: 127.0.0.1:${port}\n${payload}\n${store}\n`);
  const command = await locate('nats-server');
  const server = new ManagedProcess({ name: 'nats-server', command, args: ['-c', config], ready: () => accepts(port) });
  return { url: `nats://127.0.0.1:${port}`, server };
}
