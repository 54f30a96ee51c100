/** Events as the api finds them: the newest first. */
import { z } from 'zod';
import { decodeEvent } from '../lib/events/codec.ts';
import type { KeptnEvent } from '../lib/events/event.ts';
import type { Client } from './client.ts';
import { allOf } from './pages.ts';

const event = z.looseObject({
  id: z.string(),
  type: z.string(),
  source: z.string(),
  time: z.string(),
  shkeptncontext: z.string(),
  data: z.unknown(),
});
/** As it is on the wire. */
export type FoundEvent = z.infer<typeof event>;
const page = z.object({ events: z.array(event).nullable(), nextPageKey: z.string().optional() });

/** What the datastore gives in one page. */
const PAGE = 100;

export type Filters = Readonly<Record<string, string | undefined>>;

/** `limit` events at most. */
export function findEvents(client: Client, filters: Filters, limit: number): Promise<FoundEvent[]> {
  return allOf(async (key, wanted) => {
    // A context and a type alone mean the newest event, as in 0.6.2; an empty filter more makes it a list.
    const query = new URLSearchParams({ pageSize: String(Math.min(PAGE, wanted)), source: '' });
    if (key !== undefined) query.set('nextPageKey', key);
    for (const [name, value] of Object.entries(filters)) if (value !== undefined) query.set(name, value);
    const { events, nextPageKey } = await client.call('GET', `/v1/event?${query.toString()}`, page);
    return { items: events ?? [], next: nextPageKey };
  }, limit);
}

export async function eventsOf(client: Client, filters: Filters, limit: number): Promise<KeptnEvent[]> {
  return (await findEvents(client, filters, limit)).map((found) => decodeEvent(found));
}
