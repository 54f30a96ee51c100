/** Whether somebody listens on a port of 127.0.0.1: the probe of servers that have no health address. */
import { connect } from 'node:net';

export function accepts(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, '127.0.0.1', () => {
    socket.destroy();
    resolve(true);
  });
  socket.once('error', () => resolve(false));
  return promise;
}
