/**
 * The one connection to NATS: made in the background, again and again for as long as the bus is open. From each
 * connect to the next disconnect there is a session, with the streams in place; everything else works on sessions.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { jetstream, jetstreamManager, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { messageOf, Transient } from '../../errors/classes.ts';
import { backoffMs } from '../backoff.ts';
import { serverOf, type Settings } from './settings.ts';
import { ensureStreams } from './streams.ts';

const CONNECT_TIMEOUT_MS = 5_000;
/** A server that says nothing for three of these is gone, though its socket may still be open. */
const PING_MS = 5_000;
const WHENEVER_MS = 3_600_000;
const reconnectBackoff = { firstMs: 100, maxMs: 2_000 };

export class Session {
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  lost = false;
  readonly #onLost = new Set<() => void>();

  constructor(nc: NatsConnection, jsm: JetStreamManager) {
    this.nc = nc;
    this.jsm = jsm;
    this.js = jetstream(nc, { timeout: CONNECT_TIMEOUT_MS });
  }

  /** Calls back when the connection breaks, once; gives back how to take that back. */
  onLost(callback: () => void): () => void {
    if (this.lost) callback();
    else this.#onLost.add(callback);
    return () => this.#onLost.delete(callback);
  }

  end(): void {
    if (this.lost) return;
    this.lost = true;
    for (const callback of [...this.#onLost]) callback();
    this.#onLost.clear();
  }
}

interface Waiting {
  got: (session: Session) => void;
  closed: () => void;
  end: (act: () => void) => void;
}

export class Link {
  readonly #settings: Settings;
  readonly #closing = new AbortController();
  readonly #waiting = new Set<Waiting>();
  #session: Session | undefined;
  /** The run of #begin that may make the session. */
  #beginning: symbol | undefined;
  #running: Promise<void> | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  get session(): Session | undefined {
    return this.#session;
  }

  /** The session, now or when there is one; `Transient` at `deadline` (milliseconds since 1970) or at the end. */
  async ready(deadline: number): Promise<Session> {
    if (this.#closing.signal.aborted) throw new Transient('the bus is closed');
    if (this.#session) return this.#session;
    return new Promise((resolve, reject) => {
      // Timers of Node overflow beyond 2^31 ms.
      const ms = Math.min(2 ** 31 - 1, Math.max(0, deadline - Date.now()));
      const timer = setTimeout(() => waiting.end(() => reject(new Transient('not connected to NATS'))), ms);
      const waiting: Waiting = {
        got: (session) => waiting.end(() => resolve(session)),
        closed: () => waiting.end(() => reject(new Transient('the bus is closed'))),
        end: (act) => {
          clearTimeout(timer);
          this.#waiting.delete(waiting);
          act();
        },
      };
      this.#waiting.add(waiting);
    });
  }

  /** Resolves with the next session, however long that takes; with nothing when the bus is closed. */
  async whenever(): Promise<Session | undefined> {
    while (!this.#closing.signal.aborted) {
      const session = await this.ready(Date.now() + WHENEVER_MS).catch(() => undefined);
      if (session) return session;
    }
    return undefined;
  }

  async close(): Promise<void> {
    const session = this.#session;
    // What was published and acknowledged last has to leave before the socket closes.
    if (session)
      await Promise.race([session.nc.flush().catch(() => undefined), sleep(1_000, undefined, { ref: false })]);
    this.#closing.abort();
    for (const waiting of [...this.#waiting]) waiting.closed();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      try {
        await this.#stayConnected(() => (attempt = 1));
      } catch (error) {
        this.#settings.log.warn({ reason: messageOf(error), attempt }, 'no connection to NATS');
      }
      await sleep(backoffMs(attempt, reconnectBackoff), undefined, { signal }).catch(() => undefined);
    }
  }

  /** One connection of the client library with its reconnects, until it gives up or the bus is closed. */
  async #stayConnected(onConnected: () => void): Promise<void> {
    const { name, servers, log } = this.#settings;
    let lostAt = Date.now();
    const nc = await connect({
      ...serverOf(servers),
      name,
      timeout: CONNECT_TIMEOUT_MS,
      pingInterval: PING_MS,
      maxReconnectAttempts: -1,
      // Else each publish makes an error beforehand, to have its stack: a tenth of what it costs.
      noAsyncTraces: true,
      // Credentials may be wrong for a moment only, while a server restarts with new ones.
      ignoreAuthErrorAbort: true,
      // The library asks more than once for one wait, so that counting here would make it ever longer.
      reconnectDelayHandler: () => waitAfter(Date.now() - lostAt),
    });
    const { signal } = this.#closing;
    if (signal.aborted) return nc.close();
    const close = (): void => void nc.close();
    signal.addEventListener('abort', close);
    try {
      onConnected();
      void this.#begin(nc);
      for await (const { type } of nc.status()) {
        if (type === 'disconnect') {
          lostAt = Date.now();
          this.#end();
        }
        if (type !== 'reconnect') continue;
        log.info({ server: nc.getServer() }, 'connected to NATS again');
        void this.#begin(nc);
      }
      await nc.closed();
    } finally {
      signal.removeEventListener('abort', close);
      this.#end();
    }
  }

  /** Makes the session of a fresh connection; goes on trying, because JetStream comes up later than its server. */
  async #begin(nc: NatsConnection): Promise<void> {
    // A disconnect while this runs begins anew: the older run must not make a second session.
    const mine = (this.#beginning = Symbol('beginning'));
    for (let attempt = 1; this.#beginning === mine && !nc.isClosed(); attempt += 1) {
      try {
        refuseTooOld(nc.info?.version ?? '');
        const jsm = await jetstreamManager(nc, { timeout: CONNECT_TIMEOUT_MS });
        await ensureStreams(jsm, this.#settings);
        if (this.#beginning !== mine) return;
        this.#session = new Session(nc, jsm);
        for (const waiting of [...this.#waiting]) waiting.got(this.#session);
        return;
      } catch (error) {
        if (this.#beginning !== mine || nc.isClosed()) return;
        this.#settings.log.warn({ reason: messageOf(error), attempt }, 'JetStream is not ready');
        await sleep(backoffMs(attempt, reconnectBackoff));
      }
    }
  }

  #end(): void {
    this.#beginning = undefined;
    const session = this.#session;
    this.#session = undefined;
    if (session === undefined) return;
    if (!this.#closing.signal.aborted) this.#settings.log.warn('connection to NATS lost');
    session.end();
  }
}

/** Before 2.11 there is no pinned client, by which a durable's processes keep the order of a context. */
function refuseTooOld(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major * 1000 + minor < 2011) throw new Error(`NATS ${version} is too old: 2.11 or newer is needed`);
}

/** Half as long as the server has been away, so that the waits double. */
function waitAfter(awayMs: number): number {
  const { firstMs, maxMs } = reconnectBackoff;
  return Math.min(maxMs, Math.max(firstMs, awayMs / 2)) * (0.5 + Math.random() / 2);
}
