/** Services without kube-proxy and DNS: for each port of a Service a port of 127.0.0.1 that leads to a pod that is ready. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/** Where a pod that is ready listens for a Service's port; undefined while there is none. */
export type FindPod = (service: string, port: number) => number | undefined;

const defaults: Readonly<Record<string, number>> = { http: 80, https: 443, nats: 4222, mongodb: 27_017 };

export class ServiceAddresses {
  readonly #namespace: string;
  readonly #find: FindPod;
  readonly #servers = new Map<string, Promise<Server>>();
  readonly #sockets = new Set<Socket>();

  constructor(namespace: string, find: FindPod) {
    this.#namespace = namespace;
    this.#find = find;
  }

  /** The port of 127.0.0.1 that stands for a Service's. */
  async portOf(service: string, port: number): Promise<number> {
    const key = `${service}:${port}`;
    const known = this.#servers.get(key) ?? this.#open(service, port);
    this.#servers.set(key, known);
    return ((await known).address() as AddressInfo).port;
  }

  /** A text in which URLs of Services, as pods of their namespace know them, lead to where they are. */
  async rewrite(text: string): Promise<string> {
    const url = new RegExp(
      `\\b([a-z]+)://([^@/\\s]*@)?([a-z][a-z0-9-]*)(?:\\.${this.#namespace}(?:\\.svc(?:\\.cluster\\.local)?)?)?(?::(\\d+))?(?=[/?,]|$)`,
      'g',
    );
    let rewritten = text;
    for (const [whole, scheme = '', user = '', service = '', given] of text.matchAll(url)) {
      const port = given === undefined ? defaults[scheme] : Number(given);
      if (port === undefined) continue;
      rewritten = rewritten.replace(whole, `${scheme}://${user}127.0.0.1:${await this.portOf(service, port)}`);
    }
    return rewritten;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    for (const server of this.#servers.values()) void server.then((one) => one.close());
  }

  #open(service: string, port: number): Promise<Server> {
    const { promise, resolve, reject } = Promise.withResolvers<Server>();
    const server = createServer((client) => {
      const target = this.#find(service, port);
      // As a Service without endpoints refuses.
      if (target === undefined) return void client.resetAndDestroy();
      const pod = connect(target, '127.0.0.1');
      for (const [one, other] of [
        [client, pod],
        [pod, client],
      ] as const) {
        this.#sockets.add(one);
        one.once('close', () => {
          this.#sockets.delete(one);
          other.end();
        });
        one.on('error', () => other.destroy()).pipe(other);
      }
    });
    server.once('error', reject).listen(0, '127.0.0.1', () => resolve(server));
    return promise;
  }
}
