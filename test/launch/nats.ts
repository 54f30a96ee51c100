/** A nats-server with JetStream for a test. */
import { rm } from 'node:fs/promises';
import { prepareNats } from '../../tools/real-parts/nats-server.ts';
import { temporaryFolder } from '../../tools/real-parts/temporary.ts';

export interface Nats {
  url: string;
  /** SIGKILL. */
  kill(): Promise<void>;
  startAgain(): Promise<void>;
  /** It answers nothing, with its connections open, until `goOn`. */
  freeze(): void;
  goOn(): void;
  stop(): Promise<void>;
}

export async function startNats(): Promise<Nats> {
  const directory = await temporaryFolder('nats');
  const { url, server } = await prepareNats(directory);
  await server.start();
  return {
    url,
    kill: async () => void (await server.end('SIGKILL')),
    startAgain: () => server.start(),
    freeze: () => server.signal('SIGSTOP'),
    goOn: () => server.signal('SIGCONT'),
    async stop() {
      await server.end('SIGKILL');
      await rm(directory, { recursive: true, force: true });
    },
  };
}
