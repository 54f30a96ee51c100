/** The log of one try to handle an event: lines of the process log, and Keptn log events in the order they were said. */
import { messageOf } from '../errors/classes.ts';
import { eventTypes, type KeptnEvent } from '../events/event.ts';
import { idOf } from '../events/id.ts';
import { logEvent, type LogLevel } from '../events/log-event.ts';
import type { Logger } from '../observe/log.ts';
import type { EventLog } from './service.ts';

/** How long the events of a handler wait for its log lines. */
const SENDING_MS = 2_000;
type Level = 'debug' | 'info' | 'warn' | 'error';
const levels: Record<Level, LogLevel> = { debug: 'DEBUG', info: 'INFO', warn: 'WARN', error: 'ERROR' };

export interface EventLogParts {
  service: string;
  event: KeptnEvent;
  attempt: number;
  publish: (event: KeptnEvent) => Promise<unknown>;
  log: Logger;
}

export class PublishedLog implements EventLog {
  readonly #parts: EventLogParts;
  readonly #log: Logger;
  #count = 0;
  /** The lines are sent one after another, so that they come in order. */
  #sending: Promise<void> = Promise.resolve();

  constructor(parts: EventLogParts) {
    const { event, log } = parts;
    this.#parts = parts;
    this.#log = log.child({ keptnContext: event.shkeptncontext, eventId: event.id });
  }

  debug(message: string): void {
    // What this process does not show is shown nowhere else.
    if (this.#log.isLevelEnabled('debug')) this.#say('debug', message, false);
  }

  info(message: string): void {
    this.#say('info', message, false);
  }

  warn(message: string): void {
    this.#say('warn', message, false);
  }

  error(message: string): void {
    this.#say('error', message, false);
  }

  last(message: string, level: 'info' | 'error' = 'info'): void {
    this.#say(level, message, true);
  }

  /** Resolves when all lines are sent, or after some time: they hold up no work. */
  async sent(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, SENDING_MS);
    await Promise.race([this.#sending, promise]);
    clearTimeout(timer);
  }

  #say(level: Level, message: string, terminate: boolean): void {
    const { service, event, attempt, publish } = this.#parts;
    this.#log[level](message);
    // A log event about a log event would never end.
    if (event.type === eventTypes.log) return;
    // The text too: behind a distributor each try counts as the first.
    const id = idOf(service, event.id, 'log', attempt, (this.#count += 1), message);
    const line = logEvent({ id, source: service, cause: event, message, loglevel: levels[level], terminate });
    this.#sending = this.#sending.then(async () => {
      try {
        await publish(line);
      } catch (error) {
        this.#log.warn({ reason: messageOf(error) }, 'a log event is lost');
      }
    });
  }
}
