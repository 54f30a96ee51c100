/**
 * A client of the mongodb-datastore: what has happened, for services that decide by it. It is told of an event a moment
 * after the others: who needs one that must be there waits for it with `wait`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { messageOf, Transient } from '../errors/classes.ts';
import { withDeadline } from '../errors/deadline.ts';
import { decodeEvent } from '../events/codec.ts';
import { eventTypes, textIn, type KeptnEvent } from '../events/event.ts';
import { requesting } from '../observe/http-span.ts';
import { apart, traced } from '../observe/trace.ts';

const DEADLINE_MS = 10_000;
const LOOK_AGAIN_MS = 50;
const SELDOM_MS = 500;
/** Events of one context that are read at most. */
const MOST = 2_000;
const pageSchema = z.object({ events: z.array(z.looseObject({})).nullable(), nextPageKey: z.string().optional() });

/** Each field that is given must match; at least one has to be. */
export interface Search {
  keptnContext?: string;
  type?: string;
  source?: string;
  project?: string;
  stage?: string;
  service?: string;
  /** Later than this. */
  fromTime?: string;
  /** At most so many, 100 by default and at most. */
  pageSize?: number;
  /** The id of an event: the datastore answers when it is among them, or after two seconds. */
  until?: string;
}

export class History {
  readonly #base: string;

  /** `url`: of the datastore. */
  constructor(url: string) {
    this.#base = url.replace(/\/$/, '');
  }

  /** Newest first, log events aside; rejects with `Transient` when the datastore does not answer. */
  async events(search: Search): Promise<KeptnEvent[]> {
    return (await this.#page(search)).events;
  }

  /** The same over all pages, `most` at most. */
  async all({ until, ...search }: Search, most = MOST): Promise<KeptnEvent[]> {
    // The first page alone waits for that event: the others do not have it.
    const first = await this.#page({ ...search, ...(until !== undefined && { until }) });
    const found = [...first.events];
    for (let key = first.next; key !== undefined && found.length < most;) {
      const page = await this.#page(search, key);
      found.push(...page.events);
      key = page.next;
    }
    return found;
  }

  async #page(search: Search, key = '0'): Promise<{ events: KeptnEvent[]; next: string | undefined }> {
    const query = new URLSearchParams();
    const fields = { pageSize: 100, ...search, nextPageKey: key };
    for (const [name, value] of Object.entries(fields)) query.set(name, String(value));
    const url = `${this.#base}/event?${query.toString()}`;
    try {
      return await withDeadline(DEADLINE_MS, async (signal) => {
        const request = { part: 'mongodb-datastore', method: 'GET', path: '/event' };
        const response = await requesting(request, (headers) => fetch(url, { headers, signal }));
        if (!response.ok) throw new Error(`HTTP ${response.status}`);
        const { events, nextPageKey: next } = pageSchema.parse(await response.json());
        return { events: (events ?? []).map((event) => decodeEvent(event)), next };
      });
    } catch (error) {
      throw new Transient(`the mongodb-datastore does not answer: ${messageOf(error)}`, { cause: error });
    }
  }

  async newest(search: Search): Promise<KeptnEvent | undefined> {
    return (await this.events({ ...search, pageSize: 1 }))[0];
  }

  /** The delivery that an event is of: what its keptn context has about its service, newest first. */
  delivery(event: KeptnEvent): Promise<KeptnEvent[]> {
    return this.events(deliveryOf(event));
  }

  /** As `delivery`, once it has this event, and so all before it; `Transient` when it does not come within `ms`. */
  async deliveryUpTo(event: KeptnEvent, ms = 5_000): Promise<KeptnEvent[]> {
    const search = { ...deliveryOf(event), until: event.id };
    return once(event.type, ms, async () => {
      const past = await this.events(search);
      return past.some(({ id }) => id === event.id) ? past : undefined;
    });
  }

  /** All that an event's keptn context has, once it has this event, newest first; `Transient` when it does not come within `ms`. */
  async contextUpTo({ id, type, shkeptncontext: keptnContext }: KeptnEvent, ms = 5_000): Promise<KeptnEvent[]> {
    return once(type, ms, async () => {
      const past = await this.all({ keptnContext, until: id });
      return past.some((event) => event.id === id) ? past : undefined;
    });
  }

  /** True when somebody wants the delivery of this context to end. A function that can be handed on. */
  readonly isAborted = async (keptnContext: string): Promise<boolean> =>
    (await this.newest({ keptnContext, type: eventTypes.deliveryAbort })) !== undefined;

  /** The newest event that passes the test, once it is there; `Transient` when it does not come within `ms`. */
  async wait(search: Search, test: (event: KeptnEvent) => boolean = () => true, ms = 5_000): Promise<KeptnEvent> {
    const what = search.type ?? 'the event';
    return once(what, ms, async () => (await this.events(search)).find(test));
  }
}

function deliveryOf({ shkeptncontext: keptnContext, data }: KeptnEvent) {
  return { keptnContext, project: textIn(data, 'project') ?? '', service: textIn(data, 'service') ?? '' };
}

/** What `look` gives, once it gives something; `Transient` after `ms`. */
async function once<T>(what: string, ms: number, look: () => Promise<T | undefined>): Promise<T> {
  // One span, however often it has to look.
  return traced({ name: `wait for ${what}` }, async () => {
    // Less and less often: a datastore that is behind has enough to do.
    for (let [end, pauseMs] = [Date.now() + ms, LOOK_AGAIN_MS]; ; pauseMs = Math.min(2 * pauseMs, SELDOM_MS)) {
      const found = await apart(look);
      if (found !== undefined) return found;
      await sleep(pauseMs);
      if (Date.now() > end) throw new Transient(`${what} is not in the history yet`);
    }
  });
}
