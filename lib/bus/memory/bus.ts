/** The event bus in one process, with its log on disk: what the standalone process and tests run on. */
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Transient } from '../../errors/classes.ts';
import { encodeEvent } from '../../events/codec.ts';
import type { KeptnEvent } from '../../events/event.ts';
import { refuseTooLarge } from '../../events/size.ts';
import { subjectOf } from '../../events/subject.ts';
import { publishing } from '../../observe/event-span.ts';
import type { Logger } from '../../observe/log.ts';
import { defaultBackoff, type Backoff } from '../backoff.ts';
import { settingsOf } from '../options.ts';
import type { BusHealth, EventBus, Handler, Published, SubscribeOptions, Subscription } from '../port.ts';
import { Window } from '../../errors/window.ts';
import { Cursor } from './cursor.ts';
import { Durable } from './durable.ts';
import { lock } from './lock.ts';
import { Log } from './log.ts';

export interface MemoryBusSettings {
  /** Where the log lies; made when it is not there. */
  directory: string;
  log: Logger;
  /** Events that are kept at least, and known again by their id; 100,000 by default. */
  keep?: number;
  /** Events beyond which nothing is stored until the subscribers catch up; 1,000,000 by default. */
  limit?: number;
  /** Wait between the tries of one event. */
  backoff?: Backoff;
}

const IN_FLIGHT = 1024;
const PUBLISH_TIMEOUT_MS = 5_000;
/** A durable that nobody used for this long does not hold back the cleaning any more. */
const FORGOTTEN_MS = 7 * 24 * 3_600_000;
const CURSOR = /^([A-Za-z0-9_-]{1,128})\.cursor$/;

export async function createMemoryBus(settings: MemoryBusSettings): Promise<EventBus> {
  await mkdir(settings.directory, { recursive: true });
  const unlock = await lock(settings.directory);
  const durables = new Map<string, Durable>();
  try {
    const log = await Log.open({
      directory: settings.directory,
      log: settings.log,
      keep: settings.keep ?? 100_000,
      limit: settings.limit ?? 1_000_000,
      readUpTo: () => readUpTo(settings.directory, durables),
    });
    return new MemoryBus(settings, log, durables, unlock);
  } catch (error) {
    await unlock();
    throw error;
  }
}

class MemoryBus implements EventBus {
  readonly #settings: MemoryBusSettings;
  readonly #log: Log;
  readonly #durables: Map<string, Durable>;
  readonly #unlock: () => Promise<void>;
  readonly #window = new Window(IN_FLIGHT, 'the bus');
  readonly #stops = new Set<() => Promise<void>>();
  #closed: Promise<void> | undefined;

  constructor(settings: MemoryBusSettings, log: Log, durables: Map<string, Durable>, unlock: () => Promise<void>) {
    this.#settings = settings;
    this.#log = log;
    this.#durables = durables;
    this.#unlock = unlock;
    log.onAppended = () => {
      for (const durable of durables.values()) durable.pump();
    };
  }

  publish(event: KeptnEvent): Promise<Published> {
    return publishing(event, (carried) => this.#store(carried));
  }

  async #store(event: KeptnEvent): Promise<Published> {
    if (this.#closed) throw new Transient('the bus is closed');
    const subject = subjectOf(event.type);
    const body = Buffer.from(encodeEvent(event));
    refuseTooLarge(body.length);
    const deadline = Date.now() + PUBLISH_TIMEOUT_MS;
    return this.#window.run(deadline, () =>
      this.#log.append({ id: event.id, subject, context: event.shkeptncontext, body }),
    );
  }

  subscribe(options: SubscribeOptions, handle: Handler): Promise<Subscription> {
    return new Promise((resolve) => resolve(this.#subscribe(options, handle)));
  }

  #subscribe(options: SubscribeOptions, handle: Handler): Subscription {
    if (this.#closed) throw new Transient('the bus is closed');
    const settings = settingsOf(options);
    const { durable: name, from } = settings;
    let durable = this.#durables.get(name);
    if (durable === undefined) {
      const cursor = Cursor.open(join(this.#settings.directory, `${name}.cursor`), from === 'new' ? this.#log.last : 0);
      const parts = { log: this.#log, logger: this.#settings.log, backoff: this.#settings.backoff ?? defaultBackoff };
      durable = new Durable(parts, settings, cursor);
      this.#durables.set(name, durable);
    }
    const end = durable.add(settings, handle);
    const stop = async (): Promise<void> => {
      this.#stops.delete(stop);
      await end();
      if (settings.lasting || durable.attached) return;
      durable.cursor.remove();
      this.#durables.delete(name);
    };
    this.#stops.add(stop);
    return { stop };
  }

  ready(): boolean {
    return this.#closed === undefined && this.#log.writable;
  }

  health(): BusHealth {
    return { connected: this.ready(), subscriptions: [...this.#durables.values()].map((durable) => durable.health()) };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#stops].map((stop) => stop()));
    await this.#log.close();
    for (const { cursor } of this.#durables.values()) cursor.close();
    await this.#unlock();
  }
}

/** The record up to which all durables in use have read: those of this process, and those of its former lives. */
async function readUpTo(folder: string, durables: ReadonlyMap<string, Durable>): Promise<number> {
  let lowest = Infinity;
  for (const file of await readdir(folder)) {
    const name = CURSOR.exec(file)?.[1];
    if (name === undefined) continue;
    const path = join(folder, file);
    const durable = durables.get(name);
    if (durable?.attached) durable.cursor.save();
    const { mtimeMs } = await stat(path);
    if (Date.now() - mtimeMs >= FORGOTTEN_MS) continue;
    lowest = Math.min(lowest, durable ? durable.cursor.floor : Cursor.floorOf(path));
  }
  return lowest;
}
