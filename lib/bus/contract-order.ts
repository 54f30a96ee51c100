/** In which order an event bus delivers when several deliveries are in work: a part of its contract. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KeptnEvent } from '../events/event.ts';
import { MAX_EVENT_BYTES } from '../events/size.ts';
import { eventOf, recorder, until } from './contract-parts.ts';
import type { EventBus, Handler, SubscribeOptions } from './port.ts';

const options: SubscribeOptions = {
  durable: 'order',
  filters: ['sh.keptn.>'],
  from: 'all',
  concurrency: 8,
  ackWaitMs: 1_000,
};

/** The number of the event as data, its context as `shkeptncontext`. */
function eventIn(context: string, n: number): KeptnEvent {
  return { ...eventOf('sh.keptn.event.a', n), shkeptncontext: context };
}

/** A handler that notes when it is done, each event as `context n`, and whether two of one context were in work at once. */
function notebook(work: Handler = async () => ({ kind: 'ack' })) {
  const done: string[] = [];
  const inWork = new Set<string>();
  const overlaps: string[] = [];
  const handle: Handler = async (delivery) => {
    const { shkeptncontext: context, data } = delivery.event;
    if (inWork.has(context)) overlaps.push(context);
    inWork.add(context);
    try {
      await sleep(Math.random() * 6);
      const verdict = await work(delivery);
      if (verdict.kind === 'ack') done.push(`${context} ${String(data)}`);
      return verdict;
    } finally {
      inWork.delete(context);
    }
  };
  const of = (context: string): string[] => done.filter((entry) => entry.startsWith(`${context} `));
  return { handle, done, overlaps, of };
}

export function busOrder(bus: () => EventBus): void {
  const contexts = Array.from({ length: 10 }, (_, i) => `context-${i}`);
  const events = Array.from({ length: 100 }, (_, n) => eventIn(contexts[n % 10] ?? '', n));

  async function publishAll(): Promise<void> {
    for (const event of events) await bus().publish(event);
  }

  function assertOrder(of: (context: string) => string[]): void {
    for (const [i, context] of contexts.entries()) {
      const expected = Array.from({ length: 10 }, (_, round) => `${context} ${round * 10 + i}`);
      assert.deepEqual(of(context), expected);
    }
  }

  it('keeps the order of each context, also when an event is tried again, while several are in work', async () => {
    const { handle, done, overlaps, of } = notebook(async ({ event, attempt }) =>
      Number(event.data) % 7 === 3 && attempt === 1 ? { kind: 'retry' } : { kind: 'ack' },
    );
    await bus().subscribe(options, handle);
    await publishAll();
    await until('all events', () => done.length >= events.length);
    assertOrder(of);
    assert.deepEqual(overlaps, []);
  });

  it('shows what waits behind a delivery in its context, and delivers each of them all the same', async () => {
    const seen: string[] = [];
    const behind: string[] = [];
    await bus().subscribe(options, async ({ event, following }) => {
      const own = events.filter(({ shkeptncontext }) => shkeptncontext === event.shkeptncontext);
      const rest = own.slice(own.findIndex(({ id }) => id === event.id) + 1).map(({ id }) => id);
      await until('the others', async () => (await following?.())?.length === rest.length);
      behind.push(...((await following?.()) ?? []).map(({ id }, nth) => `${id === rest[nth]}`));
      seen.push(event.id);
      return { kind: 'ack' };
    });
    await publishAll();
    await until('all events', () => seen.length >= events.length);
    assert.deepEqual(new Set(seen), new Set(events.map(({ id }) => id)));
    assert.equal(behind.length, (10 * 10 * 9) / 2);
    assert.ok(behind.every((isRight) => isRight === 'true'));
  });

  it('keeps the order of each context between two subscribers that share the work', async () => {
    const { handle, done, overlaps, of } = notebook();
    const [left, right] = [recorder(), recorder()];
    for (const { handle: note } of [left, right]) {
      await bus().subscribe(options, async (delivery) => {
        await note(delivery);
        return handle(delivery);
      });
    }
    await publishAll();
    await until('all events', () => done.length >= events.length);
    assertOrder(of);
    assert.deepEqual(overlaps, []);
    assert.ok(left.ids().length > 10 && right.ids().length > 10, 'one did nearly all of it');
  });

  it('keeps the order of each context when one of two subscribers stops in the middle', async () => {
    const { handle, done, overlaps, of } = notebook();
    const first = await bus().subscribe(options, handle);
    await bus().subscribe(options, handle);
    await publishAll();
    await until('some events', () => done.length > 20);
    await first.stop();
    await until('all events', () => done.length >= events.length);
    assertOrder(of);
    assert.deepEqual(overlaps, []);
  });

  it('goes on with other contexts while one, or twice as many as may be in work, wait for their next try', async () => {
    const failing = Array.from({ length: 16 }, (_, i) => eventIn(`failing-${i}`, 0));
    const { handle, done } = notebook(async ({ event }) =>
      event.shkeptncontext.startsWith('failing') ? { kind: 'retry', afterMs: 60_000 } : { kind: 'ack' },
    );
    await bus().subscribe(options, handle);
    for (const event of failing) await bus().publish(event);
    for (let n = 1; n < 10; n += 1) await bus().publish(eventIn('failing-0', n));
    await publishAll();
    await until('the other contexts', () => done.length >= events.length);
    assert.equal(done.length, events.length);
  });

  it('delivers many events of the largest size, more than are read at once, in the order of each context', async () => {
    const text = 'x'.repeat(MAX_EVENT_BYTES - 1_000);
    for (let n = 0; n < 80; n += 1) {
      await bus().publish({ ...eventIn(contexts[n % 10] ?? '', n), data: { n, text } });
    }
    const seen: { context: string; n: number; size: number }[] = [];
    await bus().subscribe({ ...options, concurrency: 64 }, async ({ event: { shkeptncontext: context, data } }) => {
      const { n, text: got } = data as { n: number; text: string };
      seen.push({ context, n, size: got.length });
      return { kind: 'ack' };
    });
    await until('all events', () => seen.length >= 80, 30_000);
    assert.equal(new Set(seen.map(({ n }) => n)).size, 80);
    assert.ok(seen.every(({ size }) => size === text.length));
    for (const [i, context] of contexts.entries()) {
      const numbers = seen.filter((one) => one.context === context).map(({ n }) => n);
      assert.deepEqual(
        numbers,
        Array.from({ length: 8 }, (_, round) => round * 10 + i),
      );
    }
  });
}
