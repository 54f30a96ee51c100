/** What every event bus does, as mocha tests: each adapter runs this file. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KeptnEvent } from '../events/event.ts';
import { eventOf, recorder, until, type Place } from './contract-parts.ts';
import { busOrder } from './contract-order.ts';
import { busRefusals } from './contract-refusals.ts';
import type { EventBus, SubscribeOptions, Verdict } from './port.ts';

const all: SubscribeOptions = { durable: 'test', filters: ['sh.keptn.>'], from: 'all', ackWaitMs: 1_000 };
/** Long enough for what must not come. */
const QUIET_MS = 150;

export function busContract(name: string, createPlace: () => Promise<Place>): void {
  describe(`the event bus: ${name}`, () => {
    let place: Place;
    let bus: EventBus;

    beforeEach(async () => {
      place = await createPlace();
      bus = await place.open();
    });
    afterEach(async () => {
      await bus.close();
      await place.remove();
    });

    async function publish(...events: KeptnEvent[]): Promise<string[]> {
      for (const event of events) await bus.publish(event);
      return events.map(({ id }) => id);
    }

    async function reopen(): Promise<void> {
      await bus.close();
      await place.restart();
      bus = await place.open();
    }

    it('delivers an event as it was published', async () => {
      const event = eventOf('sh.keptn.event.a', { text: 'Grüße', list: [1, null], nested: { a: '\n' } });
      const { deliveries, handle } = recorder();
      await bus.subscribe(all, handle);
      assert.deepEqual(await bus.publish(event), { duplicate: false });
      await until('the event', () => deliveries.length === 1);
      assert.deepEqual(deliveries, [{ event, attempt: 1 }]);
      assert.equal(bus.ready(), true);
      assert.equal(bus.health().subscriptions[0]?.attached, true);
    });

    it('stores an event once that is published twice, one after the other or at once', async () => {
      const event = eventOf('sh.keptn.event.a');
      const both = await Promise.all([bus.publish(event), bus.publish(event)]);
      assert.deepEqual(both.map(({ duplicate }) => duplicate).sort(), [false, true]);
      assert.deepEqual(await bus.publish(event), { duplicate: true });
      const { handle, ids } = recorder();
      await bus.subscribe(all, handle);
      await until('the event', () => ids().length > 0);
      await sleep(QUIET_MS);
      assert.deepEqual(ids(), [event.id]);
    });

    it('gives a durable what came while it was away', async () => {
      const first = recorder();
      const subscription = await bus.subscribe({ ...all, from: 'new' }, first.handle);
      const [early] = await publish(eventOf('sh.keptn.event.a'));
      await until('the first event', () => first.ids().length === 1);
      await subscription.stop();
      const missed = await publish(eventOf('sh.keptn.event.b'), eventOf('sh.keptn.event.c'));
      const second = recorder();
      await bus.subscribe({ ...all, from: 'new' }, second.handle);
      await until('the others', () => second.ids().length >= 2);
      assert.deepEqual([first.ids(), second.ids()], [[early], missed]);
    });

    it('begins a new durable with all events or only with new ones, as it asks', async () => {
      const [early] = await publish(eventOf('sh.keptn.event.a'));
      const everything = recorder();
      const news = recorder();
      await bus.subscribe({ ...all, durable: 'everything' }, everything.handle);
      await bus.subscribe({ ...all, durable: 'news', from: 'new' }, news.handle);
      const [late] = await publish(eventOf('sh.keptn.event.a'));
      await until('all events', () => everything.ids().length === 2 && news.ids().length === 1);
      assert.deepEqual([everything.ids(), news.ids()], [[early, late], [late]]);
    });

    it('forgets a durable that is not to last, when its subscriber stops', async () => {
      const { handle, ids } = recorder();
      const passing = { durable: 'passing', filters: ['sh.keptn.>'], from: 'new', lasting: false } as const;
      const first = await bus.subscribe(passing, handle);
      await bus.publish(eventOf('sh.keptn.a', 1));
      await until('the event', () => ids().length === 1);
      await first.stop();
      await bus.publish(eventOf('sh.keptn.a', 2));
      await bus.subscribe(passing, handle);
      const last = eventOf('sh.keptn.a', 3);
      await bus.publish(last);
      await until('the last event', () => ids().includes(last.id));
      assert.equal(ids().length, 2);
    });

    it('redelivers an event whose handler threw', async () => {
      const { deliveries, handle } = recorder(({ attempt }) => {
        if (attempt < 3) throw new Error('not yet');
        return { kind: 'ack' };
      });
      await bus.subscribe(all, handle);
      const [id] = await publish(eventOf('sh.keptn.event.a'));
      await until('the third try', () => deliveries.length === 3);
      await sleep(QUIET_MS);
      assert.deepEqual(
        deliveries.map(({ event, attempt }) => [event.id, attempt]),
        [
          [id, 1],
          [id, 2],
          [id, 3],
        ],
      );
    });

    it('waits before the next try as long as the handler asks', async () => {
      const times: number[] = [];
      await bus.subscribe(
        all,
        recorder(({ attempt }) => {
          times.push(Date.now());
          return attempt === 1 ? { kind: 'retry', afterMs: 400 } : { kind: 'ack' };
        }).handle,
      );
      await publish(eventOf('sh.keptn.event.a'));
      await until('the second try', () => times.length === 2);
      const waited = (times[1] ?? 0) - (times[0] ?? 0);
      assert.ok(waited >= 390 && waited < 900, `waited ${waited} ms`);
    });

    it('gives events of one subscriber in order, also when one is tried again', async () => {
      const events = Array.from({ length: 30 }, (_, n) => eventOf('sh.keptn.event.a', n));
      const done: unknown[] = [];
      await bus.subscribe(all, async ({ event, attempt }) => {
        await sleep(event.data === 4 ? 20 : 0);
        if (Number(event.data) % 7 === 3 && attempt === 1) return { kind: 'retry' };
        done.push(event.data);
        return { kind: 'ack' };
      });
      await publish(...events);
      await until('all events', () => done.length >= 30);
      assert.deepEqual(
        done,
        events.map(({ data }) => data),
      );
    });

    it('has as many deliveries in work at once as the subscriber wants', async () => {
      let inWork = 0;
      let most = 0;
      const { handle, ids } = recorder(async () => {
        most = Math.max(most, (inWork += 1));
        await sleep(30);
        inWork -= 1;
        return { kind: 'ack' };
      });
      await bus.subscribe({ ...all, concurrency: 4 }, handle);
      await Promise.all(Array.from({ length: 24 }, () => bus.publish(eventOf('sh.keptn.event.a'))));
      await until('all events', () => ids().length === 24 && inWork === 0);
      assert.equal(most, 4);
      assert.equal(new Set(ids()).size, 24);
    });

    it('shares the work between two subscribers of one durable', async () => {
      const slow = async (): Promise<Verdict> => sleep(5).then(() => ({ kind: 'ack' }));
      const [left, right] = [recorder(slow), recorder(slow)];
      await bus.subscribe({ ...all, concurrency: 4 }, left.handle);
      await bus.subscribe({ ...all, concurrency: 4 }, right.handle);
      const ids = await publish(...Array.from({ length: 40 }, () => eventOf('sh.keptn.event.a')));
      await until('all events', () => left.ids().length + right.ids().length >= 40);
      await sleep(QUIET_MS);
      assert.deepEqual([...left.ids(), ...right.ids()].sort(), [...ids].sort());
      assert.ok(left.ids().length > 0 && right.ids().length > 0, 'one did all of it');
    });

    it('leaves an event with a handler that works longer than ackWaitMs', async () => {
      const { handle, ids } = recorder(async () => sleep(1_500).then(() => ({ kind: 'ack' })));
      await bus.subscribe({ ...all, ackWaitMs: 400 }, handle);
      const sent = await publish(eventOf('sh.keptn.event.a'), eventOf('sh.keptn.event.b'));
      await until('both events', () => ids().length >= 2);
      assert.deepEqual(ids(), sent);
    });

    it('moves an event to the dead-letter subject after the last try, with the reason', async () => {
      const graves = recorder();
      await bus.subscribe({ ...all, durable: 'graves', filters: ['dead.>'] }, graves.handle);
      const tries = recorder(({ event }) => {
        if (event.type === 'sh.keptn.event.bad') throw new Error('the chart\nis broken');
        return { kind: 'ack' };
      });
      await bus.subscribe({ ...all, maxAttempts: 3 }, tries.handle);
      const bad = eventOf('sh.keptn.event.bad', { a: 1 });
      const [, good] = await publish(bad, eventOf('sh.keptn.event.good'));
      await until('the dead letter', () => graves.deliveries.length > 0 && tries.deliveries.length > 3);
      await sleep(QUIET_MS);
      assert.deepEqual(tries.ids(), [bad.id, bad.id, bad.id, good]);
      const dead = { reason: 'the chart is broken', durable: 'test', attempts: 3 };
      assert.deepEqual(graves.deliveries, [{ event: bad, attempt: 1, dead }]);
    });

    it('moves an event to the dead-letter subject at once when the handler says so', async () => {
      const graves = recorder();
      await bus.subscribe({ ...all, durable: 'graves', filters: ['dead.sh.keptn.event.bad'] }, graves.handle);
      await bus.subscribe(all, recorder(() => ({ kind: 'dead', reason: 'never' })).handle);
      await publish(eventOf('sh.keptn.event.bad'));
      await until('the dead letter', () => graves.deliveries.length > 0);
      assert.deepEqual(graves.deliveries[0]?.dead, { reason: 'never', durable: 'test', attempts: 1 });
    });

    it('keeps everything over a restart: events, ids, dead letters and how far a durable is', async () => {
      const before = recorder(({ event }) =>
        event.type.endsWith('bad') ? { kind: 'dead', reason: 'bad' } : { kind: 'ack' },
      );
      await bus.subscribe(all, before.handle);
      const old = eventOf('sh.keptn.event.old');
      const [bad] = await publish(eventOf('sh.keptn.event.bad'), old);
      await until('the old events', () => before.ids().length === 2);
      await reopen();
      assert.deepEqual(await bus.publish(old), { duplicate: true });
      const [fresh] = await publish(eventOf('sh.keptn.event.fresh'));
      await reopen();
      const [after, anew, graves] = [recorder(), recorder(), recorder()];
      await bus.subscribe(all, after.handle);
      await bus.subscribe({ ...all, durable: 'anew' }, anew.handle);
      await bus.subscribe({ ...all, durable: 'graves', filters: ['dead.>'] }, graves.handle);
      await until('what was left', () => after.ids().length > 0 && anew.ids().length > 2 && graves.ids().length > 0);
      await sleep(QUIET_MS);
      assert.deepEqual([after.ids(), anew.ids(), graves.ids()], [[fresh], [bad, old.id, fresh], [bad]]);
    });

    it('stops gracefully: a running handler ends, the next delivery stays for later', async () => {
      let ended = false;
      const first = recorder(async () => {
        await sleep(300);
        ended = true;
        return { kind: 'ack' };
      });
      const subscription = await bus.subscribe(all, first.handle);
      const [one, two] = await publish(eventOf('sh.keptn.event.a'), eventOf('sh.keptn.event.a'));
      await until('the first delivery', () => first.ids().length === 1);
      await subscription.stop();
      assert.equal(ended, true);
      await sleep(QUIET_MS);
      const second = recorder();
      await bus.subscribe(all, second.handle);
      await until('the second event', () => second.ids().length > 0);
      await sleep(QUIET_MS);
      assert.deepEqual([first.ids(), second.ids()], [[one], [two]]);
    });

    it('keeps an event that waits for its next try when the subscriber stops', async () => {
      const first = recorder(() => ({ kind: 'retry', afterMs: 500 }));
      const subscription = await bus.subscribe(all, first.handle);
      const sent = await publish(eventOf('sh.keptn.event.a'), eventOf('sh.keptn.event.b'));
      await until('the first try', () => first.ids().length === 1);
      await subscription.stop();
      await reopen();
      const second = recorder();
      await bus.subscribe(all, second.handle);
      await until('both events', () => second.ids().length >= 2);
      assert.deepEqual(second.ids(), sent);
      assert.equal(second.deliveries[0]?.attempt, 2);
    });

    const filters: [string[], string[]][] = [
      [['sh.keptn.>'], ['sh.keptn.event.a', 'sh.keptn.event.a.b', 'sh.keptn.internal.event.a']],
      [['sh.keptn.event.*'], ['sh.keptn.event.a']],
      [
        ['sh.keptn.event.*', 'sh.keptn.internal.>'],
        ['sh.keptn.event.a', 'sh.keptn.internal.event.a'],
      ],
      [
        ['sh.keptn.event.>', 'sh.keptn.event.a'],
        ['sh.keptn.event.a', 'sh.keptn.event.a.b'],
      ],
    ];
    for (const [wanted, expected] of filters) {
      it(`delivers for ${wanted.join(' and ')} what it matches and nothing else`, async () => {
        const { deliveries, handle } = recorder();
        await bus.subscribe({ ...all, filters: wanted }, handle);
        await publish(...['event.a', 'event.a.b', 'internal.event.a'].map((type) => eventOf(`sh.keptn.${type}`)));
        await until('the events', () => deliveries.length >= expected.length);
        await sleep(QUIET_MS);
        assert.deepEqual(
          deliveries.map(({ event }) => event.type),
          expected,
        );
      });
    }

    busOrder(() => bus);
    busRefusals(() => bus);
  });
}
