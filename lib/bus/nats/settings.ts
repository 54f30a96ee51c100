/** Settings of the bus on NATS JetStream, with their defaults. */
import { hostname } from 'node:os';
import type { Logger } from '../../observe/log.ts';
import { defaultBackoff, type Backoff } from '../backoff.ts';

export interface NatsSettings {
  /** Each `nats://host:4222` or `host:4222`; a user and password or a token may stand before the first host. */
  servers: readonly string[];
  log: Logger;
  /** What the server shows for this connection. */
  name?: string;
  /** Servers that have each event: one, or what the streams have already, without. */
  replicas?: number | undefined;
  /** The oldest events go when the stream has more than this or they are older; 1 GiB and 7 days by default. */
  maxBytes?: number;
  maxAgeMs?: number;
  /** Events on their way at once, 256 by default. */
  inFlight?: number;
  /** How long a publish may wait for room, for a connection and for its answer, in all; 5,000 by default. */
  publishTimeoutMs?: number;
  /** Wait between the tries of one event. */
  backoff?: Backoff;
}

export type Settings = Required<Omit<NatsSettings, 'replicas'>> & Pick<NatsSettings, 'replicas'>;

const DAY_MS = 24 * 3_600_000;

export function withDefaults(settings: NatsSettings): Settings {
  return {
    name: `keptn-${hostname()}`,
    maxBytes: 1024 ** 3,
    maxAgeMs: 7 * DAY_MS,
    inFlight: 256,
    publishTimeoutMs: 5_000,
    backoff: defaultBackoff,
    ...settings,
  };
}

export interface Server {
  servers: string[];
  user?: string;
  pass?: string;
  token?: string;
}

/** Servers and credentials apart, so that no password stands in a log line or an error. */
export function serverOf(addresses: readonly string[]): Server {
  const urls = addresses.map((one) => new URL(one.includes('://') ? one.trim() : `nats://${one.trim()}`));
  const server: Server = { servers: urls.map(({ host, protocol }) => `${protocol}//${host}`) };
  const { username, password } = urls[0] ?? { username: '', password: '' };
  if (password !== '') {
    server.user = decodeURIComponent(username);
    server.pass = decodeURIComponent(password);
  } else if (username !== '') {
    server.token = decodeURIComponent(username);
  }
  return server;
}
