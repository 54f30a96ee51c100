/** What the api asks the datastore: pages of events and of log lines. */
import { z } from 'zod';
import { messageOf, Terminal, Transient } from '../../lib/errors/classes.ts';
import { withDeadline } from '../../lib/errors/deadline.ts';

const DEADLINE_MS = 20_000;
const eventsSchema = z.object({ events: z.array(z.record(z.string(), z.unknown())).nullable() });
const errorSchema = z.object({ message: z.string() });

/** The newest event of this type in the context; undefined when there is none. */
export async function newestEvent(base: string, keptnContext: string, type: string) {
  const query = new URLSearchParams({ keptnContext, type, pageSize: '1' });
  const { status, body } = await ask(`${base}/event?${query.toString()}`);
  if (status >= 400) {
    const message = errorSchema.safeParse(body).data?.message ?? `HTTP ${status}`;
    throw status >= 500 ? new Transient(`the datastore says: ${message}`) : new Terminal('InvalidField', message);
  }
  return eventsSchema.parse(body).events?.[0];
}

async function ask(url: string): Promise<{ status: number; body: unknown }> {
  try {
    return await withDeadline(DEADLINE_MS, async (signal) => {
      const response = await fetch(url, { signal });
      return { status: response.status, body: await response.json() };
    });
  } catch (error) {
    throw new Transient(`the datastore does not answer: ${messageOf(error)}`, { cause: error });
  }
}
