/** What every event store does, as mocha tests: each adapter runs this file. */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { Terminal } from '../errors/classes.ts';
import type { KeptnEvent } from '../events/event.ts';
import {
  allOf,
  at,
  expectedEvents,
  expectedRoots,
  idsOf,
  randomEvents,
  randomFilter,
  sample,
  sampleLog,
  type Place,
} from './contract-parts.ts';
import { MAX_PAGE_BYTES, type EventFilter, type EventStore, type LogFilter } from './port.ts';
import { MAX_EVENT_BYTES } from '../events/size.ts';

/** Numbers that look random, and are the same in each run: what fails can be run again. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof Terminal) return error.code;
  throw new Error('it was not refused', { cause: error });
}

export function storeContract(name: string, createPlace: () => Promise<Place>): void {
  describe(`the event store: ${name}`, () => {
    let place: Place;
    let store: EventStore;

    beforeEach(async () => {
      place = await createPlace();
      store = await place.open();
    });
    afterEach(async () => {
      await store.close();
      await place.remove();
    });

    const find = (filter: EventFilter = {}, size?: number): Promise<KeptnEvent[]> =>
      allOf((page) => store.query(filter, page), size);
    const roots = (filter: EventFilter = {}, size?: number): Promise<KeptnEvent[]> =>
      allOf((page) => store.roots(filter, page), size);

    it('gives an event back as it was stored, after a restart too', async () => {
      const data: unknown = JSON.parse(
        '{"__proto__":{"a":1},"$where":"1","a.b":{"$gt":""},"text":"Grüße\\u0000\\n","list":[1,null,1e300],"when":"2026-01-01T00:00:00Z"}',
      );
      const event = sample({ data, extensions: { gitcommitid: 'f00' }, time: '2026-03-01T13:00:00.123456789+01:00' });
      expect(await store.append([event])).to.equal(1);
      await store.close();
      store = await place.open();
      const { items, total, next } = await store.query({}, { size: 20 });
      expect(items).to.deep.equal([event]);
      expect(JSON.stringify(items[0]?.data)).to.equal(JSON.stringify(data));
      expect([total, next]).to.deep.equal([1, undefined]);
    });

    it('stores an event once that arrives twice: in one batch, later, or at the same moment', async () => {
      const [one, two, three] = [sample(), sample(), sample()];
      expect(await store.append([one, one, two])).to.equal(2);
      expect(await store.append([two, one])).to.equal(0);
      const both = await Promise.all([store.append([three]), store.append([three, { ...one, time: at(50) }])]);
      expect(both[0] + both[1]).to.equal(1);
      expect(idsOf(await find())).to.have.members([one.id, two.id, three.id]);
      expect(idsOf(await roots())).to.deep.equal([one.id]);
    });

    it('gives the newest first, of one time the last arrived, and a late event in its place', async () => {
      const [middle, last, early, late] = [at(20), at(30), at(10), at(15)].map((time) => sample({ time }));
      const alike = sample({ time: at(20) });
      for (const event of [middle, last, early, alike, late]) if (event) await store.append([event]);
      const order = [last, alike, middle, late, early];
      expect(idsOf(await find())).to.deep.equal(order.map((event) => event?.id));
      expect(idsOf(await find({}, 1))).to.deep.equal(order.map((event) => event?.id));
    });

    it('finds by any combination of filters what matches, page by page, and counts it', async () => {
      const random = seeded(7);
      const events = randomEvents(300, random);
      for (let from = 0; from < events.length; from += 40) await store.append(events.slice(from, from + 40));
      for (let round = 0; round < 60; round += 1) {
        const filter = randomFilter(random);
        const expected = expectedEvents(events, filter);
        const size = 5 + Math.floor(random() * 60);
        expect(idsOf(await find(filter, size)), JSON.stringify(filter)).to.deep.equal(expected);
        expect((await store.query(filter, { size })).total, JSON.stringify(filter)).to.equal(expected.length);
      }
    });

    it('finds the oldest event of each context in which an event matches, whatever came late', async () => {
      const random = seeded(11);
      // In one millisecond it would be open which context stands first.
      const events = randomEvents(200, random).map((event, n) => ({ ...event, time: at((n * 7919) % 1009) }));
      for (const event of events.slice(0, 60)) await store.append([event]);
      await store.append(events.slice(60));
      for (let round = 0; round < 80; round += 1) {
        const filter = randomFilter(random);
        const found = await roots(filter, 1 + Math.floor(random() * 5));
        expect(idsOf(found), JSON.stringify(filter)).to.deep.equal(expectedRoots(events, filter));
      }
    });

    it('repeats and skips nothing when events arrive between two pages', async () => {
      const old = Array.from({ length: 30 }, (_, n) => sample({ time: at(n), shkeptncontext: `context-${n}` }));
      await store.append(old);
      const arrivals = [sample({ time: at(100) }), sample({ time: at(29) })];
      const late = sample({ time: at(3), shkeptncontext: 'context-3' });
      const seen: string[] = [];
      let after: string | undefined;
      do {
        const page = await store.query({ project: 'sockshop' }, { size: 7, after });
        seen.push(...idsOf(page.items));
        after = page.next;
        const arrival = arrivals.pop() ?? late;
        await store.append([arrival]);
      } while (after !== undefined);
      const all = idsOf(old).reverse();
      expect(seen).to.deep.equal(all.toSpliced(all.length - 4, 0, late.id));
    });

    it('takes only times that are later than fromTime and earlier than beforeTime, in whatever zone they are told', async () => {
      const events = [10, 20, 30].map((ms) => sample({ time: at(ms), shkeptncontext: `context-${ms}` }));
      await store.append(events);
      const [, middle] = events;
      const window = { fromTime: at(10), beforeTime: at(30).replace('12:', '14:').replace('Z', '+02:00') };
      expect(await find(window)).to.deep.equal([middle]);
      expect(await roots(window)).to.deep.equal([middle]);
    });

    it('takes every filter as plain text', async () => {
      await store.append([sample()]);
      const hostile = ['{"$ne":null}', '.*', "' OR 1=1 --", '$where', '%', 'carts\u0000', '__proto__', ''];
      for (const text of hostile) {
        for (const field of ['keptnContext', 'type', 'source', 'project', 'stage', 'service'] as const) {
          expect(await find({ [field]: text }), `${field}: ${text}`).to.deep.equal([]);
          expect(await roots({ [field]: text }), `${field}: ${text}`).to.deep.equal([]);
        }
        expect((await store.logs({ eventId: text, keptnContext: text }, { size: 20 })).items).to.deep.equal([]);
      }
    });

    it('refuses page keys that it has not given', async () => {
      const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
      const made = ['', '20', '-1', '../../etc', '{}', encode([1]), encode([1, -1]), encode([1, {}]), encode(['1', 1])];
      for (const after of [...made, encode([1e400, 1]), encode({ $gt: '' }), 'x'.repeat(100_000)]) {
        expect(await refusal(store.query({}, { size: 20, after })), after.slice(0, 80)).to.equal('InvalidField');
        expect(await refusal(store.roots({}, { size: 20, after })), after.slice(0, 80)).to.equal('InvalidField');
        expect(await refusal(store.logs({}, { size: 20, after })), after.slice(0, 80)).to.equal('InvalidField');
      }
    });

    it('refuses what is no event and what is too large, and stores nothing of that batch', async () => {
      expect(await refusal(store.append([sample(), sample({ id: '' })]))).to.equal('InvalidField');
      expect(await refusal(store.append([sample(), sample({ time: 'noon' })]))).to.equal('InvalidField');
      const large = sample({ data: 'x'.repeat(MAX_EVENT_BYTES) });
      expect(await refusal(store.append([sample(), large]))).to.equal('TooLarge');
      expect(await find()).to.deep.equal([]);
    });

    it('ends a page early rather than hold more than it should in memory', async () => {
      const data = 'x'.repeat(MAX_PAGE_BYTES / 2 - 1000);
      const large = [1, 2, 3, 4, 5].map((ms) => sample({ time: at(ms), shkeptncontext: `context-${ms}`, data }));
      await store.append([...large, sample({ data: 'x'.repeat(MAX_EVENT_BYTES - 1000) })]);
      for (const ask of [store.query.bind(store), store.roots.bind(store)]) {
        expect((await ask({}, { size: 6 })).items).to.have.length(2);
        expect(idsOf(await allOf((page) => ask({}, page), 6)).slice(0, 5)).to.deep.equal(idsOf(large).reverse());
      }
    });

    it('has never heard of tokens', async () => {
      const eventContext = { keptnContext: 'context', token: 'hunter2' };
      await store.append([
        sample({ data: { project: 'a', gitToken: 'hunter2', eventContext, deep: [{ eventContext }] } }),
      ]);
      const [event] = await find({ project: 'a' });
      expect(event?.data).to.deep.equal({
        project: 'a',
        gitToken: null,
        eventContext: null,
        deep: [{ eventContext: null }],
      });
    });

    it('finds log entries by event and by context, newest first, and those with an id once', async () => {
      const entries = [
        sampleLog({ timestamp: at(2), message: 'second', id: 'a' }),
        sampleLog({ timestamp: at(1), message: 'first' }),
        sampleLog({ timestamp: at(3), message: 'other event', eventId: 'other' }),
        sampleLog({ timestamp: at(4), message: 'other context', keptnContext: 'other' }),
      ];
      expect(await store.appendLogs(entries)).to.equal(4);
      expect(await store.appendLogs([sampleLog({ id: 'a' }), sampleLog({ id: 'b', message: 'last' })])).to.equal(1);
      const messages = async (filter: LogFilter, size?: number): Promise<string[]> =>
        (await allOf((page) => store.logs(filter, page), size)).map(({ message }) => message);
      expect(await messages({ eventId: 'event' }, 1)).to.deep.equal(['other context', 'second', 'first', 'last']);
      expect(await messages({ keptnContext: 'context', eventId: 'event' })).to.deep.equal(['second', 'first', 'last']);
      expect(await messages({ keptnContext: 'other' })).to.deep.equal(['other context']);
      const all = await store.logs({}, { size: 2 });
      expect([all.items.length, all.total]).to.deep.equal([2, 5]);
    });

    it('forgets what is too old, a little at a time, and keeps the rest right', async () => {
      const [old, young] = [Date.now() - 10_000, Date.now()].map((ms) => new Date(ms).toISOString());
      const ofTime = (time: string | undefined, count: number): KeptnEvent[] =>
        Array.from({ length: count }, (_, n) => sample({ time: time ?? '', shkeptncontext: `context-${n}` }));
      const [gone, kept] = [ofTime(old, 8), ofTime(young, 3)];
      await store.append([...gone, ...kept]);
      await store.appendLogs([sampleLog({ timestamp: old ?? '' }), sampleLog({ timestamp: young ?? '' })]);
      const done = [];
      for (let step = 0; step < 5; step += 1) done.push(await store.prune({ maxAgeMs: 5_000 }, 3));
      expect(done).to.deep.equal([4, 3, 2, 0, 0]);
      expect(idsOf(await find())).to.have.members(idsOf(kept));
      expect(idsOf(await roots({ project: 'sockshop' }))).to.have.members(idsOf(kept));
      expect((await store.logs({}, { size: 20 })).total).to.equal(1);
    });

    it('forgets the oldest when there are too many', async () => {
      const events = Array.from({ length: 10 }, (_, n) => sample({ time: at(n), shkeptncontext: `context-${n % 2}` }));
      await store.append(events.toReversed());
      await store.appendLogs(Array.from({ length: 6 }, (_, n) => sampleLog({ timestamp: at(n), message: String(n) })));
      expect(await store.prune({}, 100)).to.equal(0);
      for (let step = 0; step < 4; step += 1) await store.prune({ maxCount: 4 }, 3);
      expect(idsOf(await find())).to.deep.equal(idsOf(events.slice(6)).reverse());
      expect(idsOf(await roots({ stage: 'dev' }))).to.deep.equal([events[7]?.id, events[6]?.id]);
      expect((await allOf((page) => store.logs({}, page))).map(({ message }) => message)).to.deep.equal([
        '5',
        '4',
        '3',
        '2',
      ]);
    });

    it('keeps apart what many write at once', async () => {
      const writers = Array.from({ length: 40 }, (_, n) =>
        Array.from({ length: 5 }, () => sample({ shkeptncontext: `context-${n}`, id: randomUUID() })),
      );
      const counts = await Promise.all(writers.map((events) => store.append(events)));
      expect(counts).to.deep.equal(writers.map(() => 5));
      for (const [n, events] of writers.entries()) {
        expect(idsOf(await find({ keptnContext: `context-${n}` }))).to.have.members(idsOf(events));
      }
    });
  });
}
