/**
 * The event store: what happened, found again by context, project, stage, service, type and source. Both lists are newest
 * first by the time that the sender gave, events of one time by arrival. A page begins after a cursor, which is a place in
 * that order: what arrives in between neither repeats nor hides anything.
 */
import type { KeptnEvent } from '../events/event.ts';

/** Strings compare equal; all that are given must hold. Times are RFC 3339, of which milliseconds count. */
export interface EventFilter {
  keptnContext?: string | undefined;
  type?: string | undefined;
  source?: string | undefined;
  /** `data.project` of the event; likewise stage and service. */
  project?: string | undefined;
  stage?: string | undefined;
  service?: string | undefined;
  /** Later than this. */
  fromTime?: string | undefined;
  /** Earlier than this. */
  beforeTime?: string | undefined;
}

export interface LogFilter {
  keptnContext?: string | undefined;
  eventId?: string | undefined;
}

/** One line that a service tells about its work on an event. */
export interface LogEntry {
  /** Entries with one id are one entry; without it each is stored. */
  id?: string | undefined;
  /** RFC 3339. */
  timestamp: string;
  keptnContext: string;
  /** The event that is worked on. */
  eventId: string;
  keptnService: string;
  message: string;
  logLevel: string;
}

export interface PageRequest {
  /** Items of the page, at least 1. */
  size: number;
  /** `next` of the page before. */
  after?: string | undefined;
}

export interface Page<T> {
  items: T[];
  /** Opaque; undefined at the end. */
  next?: string | undefined;
}

export interface CountedPage<T> extends Page<T> {
  /** How many there are on all pages; from MAX_COUNT on it is a lower bound, because to count costs time. */
  total: number;
}

export const MAX_COUNT = 10_000;
/** A page ends before its items have more than this together, however few they are. */
export const MAX_PAGE_BYTES = 2 * 1024 * 1024;

/** What is kept; undefined: no limit. */
export interface Retention {
  maxAgeMs?: number | undefined;
  /** The newest so many events, and as many log entries. */
  maxCount?: number | undefined;
}

/** Methods reject with `Transient` when the database is away, with `Terminal` (InvalidField) for a cursor that is none. */
export interface EventStore {
  /** Resolves after the events are on disk. How many were new: an id that is there already is not stored again. */
  append(events: readonly KeptnEvent[]): Promise<number>;
  appendLogs(entries: readonly LogEntry[]): Promise<number>;
  query(filter: EventFilter, page: PageRequest): Promise<CountedPage<KeptnEvent>>;
  /**
   * The oldest event of each context in which an event matches, newest first. The times are those of the oldest event.
   */
  roots(filter: EventFilter, page: PageRequest): Promise<Page<KeptnEvent>>;
  logs(filter: LogFilter, page: PageRequest): Promise<CountedPage<LogEntry>>;
  /** Deletes at most `limit` of the events and of the entries that are too old or too many; how many it did. */
  prune(retention: Retention, limit: number): Promise<number>;
  /** Rejects while the store could not answer. */
  check(): Promise<void>;
  close(): Promise<void>;
}
