/** What a service is: a name, and for each type of event that it wants the shape of the data and a function. */
import type { z } from 'zod';
import type { KeptnEvent } from '../events/event.ts';

/** An event that a handler wants sent: id, time, source and keptn context follow from the event that caused it. */
export interface Outgoing {
  /** Of what follows from a state, to which several events may lead: equal ids are one event. */
  id?: string;
  type: string;
  data: unknown;
  /** Where it belongs to another than its cause. */
  shkeptncontext?: string;
  /** Further attributes; `gitcommitid` is that of the cause unless there are any. */
  extensions?: Readonly<Record<string, string>>;
}

/**
 * Each line is one of the process log, with keptnContext and eventId, and a Keptn log event as well; debug lines are both
 * or neither, as LOG_LEVEL says.
 */
export interface EventLog {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
  /** The last line that who waits for this context, such as the command line, is to see; it has failed with an error. */
  last(message: string, level?: 'info' | 'error'): void;
}

export interface Context {
  log: EventLog;
  /** Aborts when the time of this try is over or the process ends: hand it to everything that may take long. */
  signal: AbortSignal;
  /** 1 for the first try. */
  attempt: number;
}

/** What throws is tried again, `Terminal` is given up, `Waiting` is tried again later. */
export type Handle<T> = (event: KeptnEvent & { data: T }, context: Context) => Promise<readonly Outgoing[] | void>;

export interface Subscription {
  types: readonly string[];
  data: z.ZodType;
  handle: Handle<unknown>;
}

export interface Service {
  /** Letters, digits and `-`: its name in events, and under which the bus remembers how far it is. */
  name: string;
  subscriptions: readonly Subscription[];
  /** Milliseconds for one try; 60,000 by default. */
  timeoutMs?: number;
  /** Events in work at once, in all its processes together; 16 by default. Those of a context come one after another. */
  concurrency?: number;
  /** Tries before an event is given up; 10 by default. */
  maxAttempts?: number;
  /**
   * How often `Waiting` and `Transient` may come beside them: for what has to wait long for its turn, and must not be lost
   * because a part is away for some minutes; 0 by default.
   */
  maxWaits?: number;
}

/** `types` may have wildcards. The handler gets `data` as the schema gives it; what does not fit is given up. */
export function on<T>(types: string | readonly string[], data: z.ZodType<T>, handle: Handle<T>): Subscription {
  return {
    types: typeof types === 'string' ? [types] : types,
    data,
    // It is called with what this schema gave, and with nothing else.
    handle: handle as Handle<unknown>,
  };
}
