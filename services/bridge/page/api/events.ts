/** Events and log lines as the api finds them: newest first, in pages. */
import { z } from 'zod';
import { textIn, type KeptnEvent } from '../../../../lib/events/event.ts';
import { get } from './client.ts';

const known = ['specversion', 'contenttype', 'id', 'type', 'source', 'time', 'shkeptncontext', 'data'];

/** What the api gives is 0.2 and checked; anything that is missing is an empty text. */
export const eventSchema = z
  .looseObject({
    id: z.string(),
    type: z.string(),
    source: z.string().default(''),
    time: z.string().default(''),
    shkeptncontext: z.string().default(''),
    data: z.unknown().optional(),
  })
  .transform(({ id, type, source, time, shkeptncontext, data, ...others }): KeptnEvent => {
    const extensions = Object.entries(others).filter(
      (pair): pair is [string, string] => typeof pair[1] === 'string' && !known.includes(pair[0]),
    );
    return { id, type, source, time, shkeptncontext, data, extensions: Object.fromEntries(extensions) };
  });

const entrySchema = z.object({
  timestamp: z.string(),
  keptnContext: z.string().default(''),
  eventId: z.string().default(''),
  keptnService: z.string().default(''),
  message: z.string().default(''),
  logLevel: z.string().default(''),
});
export type LogLine = z.infer<typeof entrySchema>;

/** The line that a log event tells. */
export function lineIn({ time, source, data, shkeptncontext }: KeptnEvent): LogLine {
  return {
    timestamp: time,
    keptnContext: shkeptncontext,
    eventId: textIn(data, 'eventId') ?? '',
    keptnService: source,
    message: textIn(data, 'message') ?? '',
    logLevel: textIn(data, 'loglevel') ?? textIn(data, 'logLevel') ?? '',
  };
}

const paged = { nextPageKey: z.string().optional(), totalCount: z.int().optional() };
const eventsPage = z.object({ events: z.array(eventSchema).nullable(), ...paged });
const logsPage = z.object({ logs: z.array(entrySchema).nullable(), ...paged });

/** Of 0.6.2's contract. */
const MAX_PAGE = 100;
/** Makes it a search: the api answers a context and a type alone with one event. */
const EVER = '1970-01-01T00:00:00Z';

export interface Found<T> {
  items: T[];
  next: string | undefined;
  /** Of all pages; from 10,000 on a lower bound. */
  total: number;
}

export type Fields = Readonly<Record<string, string | undefined>>;

export async function findEvents(fields: Fields, after?: string, signal?: AbortSignal): Promise<Found<KeptnEvent>> {
  const page = await get(`/v1/event?${searchOf({ fromTime: EVER, ...fields }, after)}`, eventsPage, signal);
  return { items: page.events ?? [], next: page.nextPageKey, total: page.totalCount ?? 0 };
}

export async function findLogs(fields: Fields, after?: string, signal?: AbortSignal): Promise<Found<LogLine>> {
  const page = await get(`/v1/log?${searchOf(fields, after)}`, logsPage, signal);
  return { items: page.logs ?? [], next: page.nextPageKey, total: page.totalCount ?? 0 };
}

/** Up to `max` of them. */
export async function findAll<T>(
  find: (after: string | undefined) => Promise<Found<T>>,
  max: number,
): Promise<{ items: T[]; isMore: boolean }> {
  const items: T[] = [];
  let after: string | undefined;
  do {
    const page = await find(after);
    items.push(...page.items);
    after = page.next;
  } while (after !== undefined && items.length < max);
  return { items, isMore: after !== undefined };
}

function searchOf(fields: Fields, after: string | undefined): string {
  const given = { pageSize: String(MAX_PAGE), ...fields, nextPageKey: after };
  const pairs = Object.entries(given).filter((pair): pair is [string, string] => !!pair[1]);
  return new URLSearchParams(pairs).toString();
}
