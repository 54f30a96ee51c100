/** Events as the api finds them: the newest first, in one page. */
import { z } from 'zod';
import { decodeEvent } from '../lib/events/codec.ts';
import type { KeptnEvent } from '../lib/events/event.ts';
import type { Client } from './client.ts';

const page = z.object({ events: z.array(z.looseObject({})).nullable() });

export async function eventsOf(
  client: Client,
  filters: Readonly<Record<string, string | undefined>>,
  pageSize: number,
): Promise<KeptnEvent[]> {
  const query = new URLSearchParams({ pageSize: String(pageSize) });
  for (const [name, value] of Object.entries(filters)) if (value !== undefined) query.set(name, value);
  const { events } = await client.call('GET', `/v1/event?${query.toString()}`, page);
  return (events ?? []).map((event) => decodeEvent(event));
}
