/**
 * A TCP port of 127.0.0.1 that nobody listens on. It is below the range that the system takes ports for outgoing
 * connections from: while a part is killed, one of them would take its port, or connect to itself, and the part
 * could not come back.
 */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

const FROM = 15_000;
const TO = 29_000;
const given = new Set<number>();

export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 200; tries += 1) {
    const port = randomInt(FROM, TO);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`no port of 127.0.0.1 between ${FROM} and ${TO} is free`);
}

export function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once('error', () => resolve(false));
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  return promise;
}
