/** The two ends that 0.6.2's services and Bridge call: /event and /log. */
import { Window } from '../../lib/errors/window.ts';
import { decodeEvent } from '../../lib/events/codec.ts';
import type { KeptnEvent } from '../../lib/events/event.ts';
import { answer, route, type Route } from '../../lib/http/route.ts';
import type { CountedPage, LogEntry } from '../../lib/store/port.ts';
import { record, type Records } from './handler.ts';
import { eventBody, eventsAnswer, eventsQuery, logsAnswer, logsBody, logsQuery } from './schemas.ts';

/** 0.6.2 gives all roots at once and takes no heed of pageSize: its Bridge asks for 20 and shows what comes. */
const ROOTS = 100;

/** Pages that are made at once: a large one takes many times its size while it is read and written as JSON. */
const READS = 4;
const READ_MS = 10_000;
const UNTIL_MS = 2_000;
/** Another process may have stored what is waited for. */
const LOOK_MS = 100;

const headers = { 'content-type': 'application/cloudevents+json' };
const created = { 201: null } as const;

export function datastoreRoutes(records: Records): Route[] {
  const { store, arrivals } = records;
  const window = new Window(READS, 'the datastore');
  const read = <T>(work: () => Promise<T>): Promise<T> => window.run(Date.now() + READ_MS, work);
  /** The page, once it has the event with this id. */
  async function readUntil(id: string, load: () => Promise<CountedPage<KeptnEvent>>) {
    for (const end = Date.now() + UNTIL_MS; ;) {
      const arrival = arrivals.next(id, LOOK_MS);
      const page = await read(load);
      if (Date.now() > end || page.items.some((event) => event.id === id)) return page;
      await arrival;
    }
  }
  return [
    route({
      method: 'post',
      path: '/event',
      tag: 'Events',
      summary: 'Stores an event; one with an id that is there already is not stored again',
      body: { name: 'event', schema: eventBody },
      answers: created,
      async handle({ body }) {
        await record(records, decodeEvent(body));
        return answer(201);
      },
    }),
    route({
      method: 'get',
      path: '/event',
      tag: 'Events',
      summary: 'Finds events',
      query: eventsQuery,
      answers: { 200: eventsAnswer },
      async handle({ query: { root, until, pageSize, nextPageKey: after, ...filter } }) {
        if (root !== undefined) {
          const { items, next } = await read(() => store.roots(filter, { size: ROOTS, after }));
          return answer(200, { headers, body: { events: orNull(items.map(showEvent)), ...nextKey(next) } });
        }
        const load = (): Promise<CountedPage<KeptnEvent>> => store.query(filter, { size: pageSize, after });
        const { items, next, total } = await (until === undefined ? read(load) : readUntil(until, load));
        const body = { events: orNull(items.map(showEvent)), pageSize, ...nextKey(next), ...totalCount(total) };
        return answer(200, { headers, body });
      },
    }),
    route({
      method: 'post',
      path: '/log',
      tag: 'Logs',
      summary: 'Stores log entries',
      body: { name: 'logs', schema: logsBody },
      answers: created,
      async handle({ body }) {
        const now = new Date().toISOString();
        const entries = body.filter(({ keptnService }) => keptnService !== '');
        await store.appendLogs(entries.map(({ timestamp = now, ...entry }) => ({ timestamp, ...entry })));
        return answer(201);
      },
    }),
    route({
      method: 'get',
      path: '/log',
      tag: 'Logs',
      summary: 'Finds log entries',
      query: logsQuery,
      answers: { 200: logsAnswer },
      async handle({ query: { pageSize, nextPageKey: after, ...filter } }) {
        const { items, next, total } = await read(() => store.logs(filter, { size: pageSize, after }));
        const body = { logs: orNull(items.map(showEntry)), pageSize, ...nextKey(next), ...totalCount(total) };
        return answer(200, { headers, body });
      },
    }),
  ];
}

/** Go's way with an empty list. */
const orNull = <T>(list: T[]): T[] | null => (list.length === 0 ? null : list);
const nextKey = (next: string | undefined) => (next === undefined ? {} : { nextPageKey: next });
const totalCount = (total: number) => (total === 0 ? {} : { totalCount: total });

/** Readers of 0.6.2 compare times as texts, so all have one form. */
const showTime = (time: string): string => new Date(time).toISOString();

function showEvent(event: KeptnEvent) {
  const { id, type, source, shkeptncontext, data } = event;
  const { extensions = {} } = event;
  return {
    ...extensions,
    ...{ specversion: '0.2' as const, id, type, source, time: showTime(event.time) },
    ...{ contenttype: 'application/json', shkeptncontext, data },
  };
}

function showEntry({ timestamp, keptnContext, eventId, keptnService, message, logLevel }: LogEntry) {
  const texts = { keptnContext, eventId, keptnService, message, logLevel };
  const given = Object.entries(texts).filter(([, text]) => text !== '');
  return { timestamp: showTime(timestamp), ...(Object.fromEntries(given) as Partial<typeof texts>) };
}
