/**
 * Loaded into a process before its own code (`node --import pod-ports.ts?8080=23456`): what it listens on, such as
 * 0.0.0.0:8080, becomes that port of 127.0.0.1, so that many pods have the same ports on one machine, and nobody else
 * reaches them. A port that nothing of the pod names becomes any free one.
 */
import { Server } from 'node:net';

const ports = new URL(import.meta.url).searchParams;
const prototype = Server.prototype as { listen: (...args: unknown[]) => Server };
// It is called on each server, as before.
const listen = prototype.listen;
prototype.listen = function (port: unknown, _host: unknown, ...rest: unknown[]) {
  if (typeof port !== 'number') throw new Error('a server of ours listens on a port and a host');
  return listen.call(this, Number(ports.get(String(port)) ?? 0), '127.0.0.1', ...rest);
};
