/**
 * The websocket of 0.6.2, at `/`: who names a channel reads what is said in that keptn context; who names none is a service
 * that says something. What services say becomes log events on the bus, from where all readers of all replicas have it.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { EventBus } from '../../lib/bus/port.ts';
import { messageOf } from '../../lib/errors/classes.ts';
import { decodeEvent } from '../../lib/events/codec.ts';
import { eventTypes } from '../../lib/events/event.ts';
import { isToken, tokenIn } from '../../lib/http/token.ts';
import type { Logger } from '../../lib/observe/log.ts';
import { contextIn } from './channel-token.ts';
import type { Channels } from './channels.ts';

export interface WebsocketSettings {
  channels: Channels;
  bus: EventBus;
  token: string;
  log: Logger;
}

/** As often as 0.6.2's. */
const PING_MS = 2_700;
/** Pings without an answer until a reader is gone. */
const SILENT_PINGS = 4;
const CONNECTIONS = 2_000;
/** Bytes that wait for a slow reader before it is cut off: more than may come at once. */
const WAITING_BYTES = 8 * 1024 * 1024;
const MESSAGE_BYTES = 64 * 1024;
const TRY_AGAIN_LATER = 1013;
const POLICY = 1008;

export class Websockets {
  readonly #settings: WebsocketSettings;
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_BYTES });

  constructor(settings: WebsocketSettings) {
    this.#settings = settings;
  }

  serve(server: Server): void {
    server.on('upgrade', (request, socket, head) => {
      socket.on('error', () => socket.destroy());
      void this.#upgrade(request, socket, head).catch((error: unknown) => {
        this.#settings.log.error({ err: error }, 'websocket failed');
        socket.destroy();
      });
    });
  }

  close(): void {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#sockets.close();
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const opened = await this.#opened(request);
    if (opened === undefined) return refuse(socket, 401, 'Unauthorized');
    if (this.#sockets.clients.size >= CONNECTIONS) return refuse(socket, 503, 'Service Unavailable');
    const channel = request.headers['keptn-ws-channel-id'];
    this.#sockets.handleUpgrade(request, socket, head, (client) => {
      client.on('error', () => client.terminate());
      keepAlive(client);
      if (typeof channel === 'string') this.#read(client, channel);
      else client.on('message', (data: Buffer) => void this.#write(client, data, opened));
    });
  }

  /** The keptn context that the request may use, or true for any; undefined: it may not. */
  async #opened({ headers, url = '/' }: IncomingMessage): Promise<string | true | undefined> {
    if (url.split('?')[0] !== '/') return undefined;
    // Browsers cannot send the header of a token; a page elsewhere must not open it with what they do send.
    if (headers.origin !== undefined) return undefined;
    const { token } = this.#settings;
    if (isToken(tokenIn(headers), token)) return true;
    const given = headers['token'];
    const context = typeof given === 'string' ? await contextIn(given, token) : undefined;
    const channel = headers['keptn-ws-channel-id'];
    return channel === undefined || channel === context ? context : undefined;
  }

  #read(client: WebSocket, channel: string): void {
    const leave = this.#settings.channels.join(channel, (line) => {
      if (client.bufferedAmount > WAITING_BYTES) {
        client.close(TRY_AGAIN_LATER, 'too slow');
        client.terminate();
        return false;
      }
      client.send(line);
      return true;
    });
    client.on('close', leave);
  }

  async #write(client: WebSocket, data: Buffer, opened: string | true): Promise<void> {
    const { bus } = this.#settings;
    try {
      const event = decodeEvent(data);
      if (event.type !== eventTypes.log) throw new Error(`only ${eventTypes.log} is taken here`);
      if (opened !== true && event.shkeptncontext !== opened) throw new Error('the token is of another keptn context');
      await bus.publish(event);
    } catch (error) {
      client.close(POLICY, messageOf(error).slice(0, 120));
    }
  }
}

function keepAlive(client: WebSocket): void {
  let silent = 0;
  const timer = setInterval(() => {
    silent += 1;
    if (silent > SILENT_PINGS) client.terminate();
    else client.ping();
  }, PING_MS);
  client.on('pong', () => (silent = 0)).on('close', () => clearInterval(timer));
}

function refuse(socket: Duplex, status: number, text: string): void {
  socket.end(`HTTP/1.1 ${status} ${text}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
