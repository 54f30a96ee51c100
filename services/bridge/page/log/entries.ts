/** The log: events and log lines in one order, read from the newest on, a page of each when it is needed. */
import { signal } from '@preact/signals';
import { eventTypes, textIn, type KeptnEvent } from '../../../../lib/events/event.ts';
import { errorOf } from '../api/client.ts';
import { findEvents, findLogs, lineIn, type Found, type LogLine } from '../api/events.ts';
import { lineOf, titleOf, toneOf, toneOfLevel } from '../parts/names.ts';
import type { Tone } from '../parts/status.tsx';

export interface Entry {
  id: string;
  time: string;
  tone: Tone;
  title: string;
  text: string;
  place: string;
  source: string;
  keptnContext: string;
  /** The event, or the line. */
  payload: KeptnEvent | LogLine;
}

export interface Filters {
  project: string;
  stage: string;
  service: string;
  type: string;
  context: string;
  /** Anywhere in the payload. */
  text: string;
  /** RFC 3339, later than; earlier than. */
  from: string;
  to: string;
  /** `events`, `lines` or both. */
  show: string;
}

export function entryOf(event: KeptnEvent): Entry {
  const { id, time, data, source, shkeptncontext: keptnContext } = event;
  const place = ['project', 'stage', 'service'].map((name) => textIn(data, name)).filter(Boolean);
  const [tone, title, text] = [toneOf(event), titleOf(event), lineOf(event)];
  return { id, time, tone, title, text, place: place.join(' / '), source, keptnContext, payload: event };
}

export function entryOfLine(line: LogLine, nth: number): Entry {
  const { timestamp: time, keptnService: source, message: text, keptnContext, logLevel, eventId } = line;
  const [tone, title] = [toneOfLevel(logLevel), 'Log'];
  return { id: `${time} ${eventId} ${nth}`, time, tone, title, text, place: '', source, keptnContext, payload: line };
}

/** What has no project of its own belongs to what is known of its context. */
export function passes(entry: Entry, filters: Filters, contexts: ReadonlySet<string>): boolean {
  const { type, context, text, from, to, show } = filters;
  const isLine = entry.title === 'Log';
  if (show === 'lines' && !isLine) return false;
  if (isLine && (show === 'events' || type !== '')) return false;
  if (context !== '' && entry.keptnContext !== context) return false;
  const at = Date.parse(entry.time);
  if ((from !== '' && at <= Date.parse(from)) || (to !== '' && at >= Date.parse(to))) return false;
  const isNarrow = filters.project !== '' || filters.stage !== '' || filters.service !== '';
  if (isLine && isNarrow && context === '' && !contexts.has(entry.keptnContext)) return false;
  if (!isLine && !passesPlace(entry.payload, filters)) return false;
  if (text === '') return true;
  return JSON.stringify(entry.payload).toLowerCase().includes(text.toLowerCase());
}

function passesPlace(payload: Entry['payload'], { project, stage, service, type }: Filters): boolean {
  if (!('type' in payload)) return true;
  if (type !== '' && payload.type !== type) return false;
  const given = { project, stage, service };
  return Object.entries(given).every(([name, value]) => value === '' || textIn(payload.data, name) === value);
}

/** Kept in the page at most: the oldest go, and are read again when somebody scrolls to them. */
export const MAX_ENTRIES = 5_000;
/** Pages without a hit before one is asked whether to look further. */
const PAGES_AT_ONCE = 10;

/** One reading of the log with certain filters. */
export class LogReader {
  readonly entries = signal<readonly Entry[]>([]);
  readonly state = signal<'reading' | 'more' | 'end' | 'full'>('more');
  readonly error = signal<Error | undefined>(undefined);
  /** How far back was looked. */
  readonly lookedTo = signal('');
  readonly #filters: Filters;
  readonly #contexts = new Set<string>();
  readonly #stop = new AbortController();
  #events: Source<KeptnEvent>;
  #lines: Source<LogLine>;
  #count = 0;

  constructor(filters: Filters) {
    const { project, stage, service, type, context, from, to, show } = filters;
    this.#filters = filters;
    const aborted = this.#stop.signal;
    const events = {
      project,
      stage,
      service,
      type,
      keptnContext: context,
      ...(from && { fromTime: from }),
      beforeTime: to,
    };
    this.#events = new Source(show !== 'lines' && type !== eventTypes.log, (after) =>
      findEvents(events, after, aborted),
    );
    this.#lines = new Source(show !== 'events' && type === '', (after) =>
      findLogs({ keptnContext: context }, after, aborted),
    );
  }

  /** Reads on, until there is something to show. */
  async more(): Promise<void> {
    if (this.state.value !== 'more') return;
    this.state.value = 'reading';
    const before = this.entries.value.length;
    try {
      for (let page = 0; page < PAGES_AT_ONCE && this.entries.value.length < before + 50; page += 1) {
        if (!(await this.#step())) break;
      }
      const isEnd = this.#events.isEnd && this.#lines.isEnd;
      this.state.value = isEnd ? 'end' : this.entries.value.length >= MAX_ENTRIES ? 'full' : 'more';
      this.error.value = undefined;
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.error.value = errorOf(error);
      this.state.value = 'more';
    }
  }

  /** What has just happened. */
  tell(event: KeptnEvent): void {
    const isLine = event.type === eventTypes.log;
    const entry = isLine ? entryOfLine(lineIn(event), (this.#count += 1)) : entryOf(event);
    if (!isLine && passesPlace(event, this.#filters)) this.#contexts.add(event.shkeptncontext);
    if (!passes(entry, this.#filters, this.#contexts)) return;
    if (this.entries.value.some(({ id }, nth) => nth < 200 && id === entry.id)) return;
    this.entries.value = [entry, ...this.entries.value].slice(0, MAX_ENTRIES);
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Takes in what is newest of both, as far down as both are known; false at the end. */
  async #step(): Promise<boolean> {
    await Promise.all([this.#events.fill(), this.#lines.fill()]);
    const events = this.#events.waiting;
    for (const { shkeptncontext } of events) this.#contexts.add(shkeptncontext);
    // Below the older of the two ends something of the other kind may be missing.
    const border = Math.max(
      this.#events.border(({ time }) => time),
      this.#lines.border(({ timestamp }) => timestamp),
    );
    const taken = [
      ...this.#events.take(({ time }) => Date.parse(time) >= border).map(entryOf),
      ...this.#lines
        .take(({ timestamp }) => Date.parse(timestamp) >= border)
        .map((line) => entryOfLine(line, (this.#count += 1))),
    ];
    if (taken.length === 0) return false;
    taken.sort((a, b) => Date.parse(b.time) - Date.parse(a.time));
    this.lookedTo.value = taken.at(-1)?.time ?? '';
    const { from } = this.#filters;
    if (from !== '' && Date.parse(this.lookedTo.value) < Date.parse(from)) this.#lines.isEnd = true;
    const fitting = taken.filter((entry) => passes(entry, this.#filters, this.#contexts));
    this.entries.value = [...this.entries.value, ...fitting].slice(0, MAX_ENTRIES);
    return true;
  }
}

/** Pages of one kind, newest first. */
class Source<T> {
  waiting: T[] = [];
  isEnd: boolean;
  readonly #find: (after: string | undefined) => Promise<Found<T>>;
  #next: string | undefined;

  constructor(isAsked: boolean, find: (after: string | undefined) => Promise<Found<T>>) {
    this.isEnd = !isAsked;
    this.#find = find;
  }

  async fill(): Promise<void> {
    if (this.waiting.length > 0 || this.isEnd) return;
    const { items, next } = await this.#find(this.#next);
    this.waiting = items;
    this.#next = next;
    this.isEnd = next === undefined;
  }

  /** The time of the oldest that is known, while there may be older ones. */
  border(timeOf: (item: T) => string): number {
    const last = this.waiting.at(-1);
    return this.isEnd || !last ? -Infinity : Date.parse(timeOf(last));
  }

  take(test: (item: T) => boolean): T[] {
    const taken = this.waiting.filter(test);
    this.waiting = this.waiting.filter((item) => !test(item));
    return taken;
  }
}
