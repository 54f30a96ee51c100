import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import fc from 'fast-check';
import { createOperatorMetrics } from '../lib/observe/metrics.ts';
import { KeyQueue } from '../operator/queue.ts';

describe('the work queue', () => {
  const started: KeyQueue[] = [];
  const open = (workers: number, work: (key: string) => Promise<void>): KeyQueue => {
    const queue = new KeyQueue('test', createOperatorMetrics());
    void queue.run(workers, work);
    started.push(queue);
    return queue;
  };
  afterEach(() => started.splice(0).forEach((queue) => queue.close()));

  it('never runs one key twice at once, and runs each key after its last change', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c'), pause: fc.nat(2) }), { maxLength: 30 }),
        async (changes) => {
          const state = new Map<string, number>();
          const seen = new Map<string, number>();
          const working = new Set<string>();
          const queue = open(3, async (key) => {
            expect(working.has(key)).to.equal(false);
            working.add(key);
            const version = state.get(key) ?? 0;
            await sleep(1);
            seen.set(key, version);
            working.delete(key);
          });
          for (const { key, pause } of changes) {
            state.set(key, (state.get(key) ?? 0) + 1);
            queue.add(key);
            if (pause > 0) await sleep(pause);
          }
          while (queue.size > 0) await sleep(1);
          expect(seen).to.deep.equal(state);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('holds a key once however often it is added', async () => {
    let runs = 0;
    const gate = Promise.withResolvers<void>();
    const queue = open(1, async (key) => {
      if (key === 'first') await gate.promise;
      else runs += 1;
    });
    queue.add('first');
    for (let times = 0; times < 100; times += 1) queue.add('second');
    gate.resolve();
    while (queue.size > 0) await sleep(1);
    expect(runs).to.equal(1);
  });

  it('waits longer after each failure in a row, and short again after a success', async () => {
    const at: number[] = [];
    const queue = open(1, async () => void at.push(performance.now()));
    for (let failures = 0; failures < 4; failures += 1) {
      const count = at.length;
      queue.retry('key');
      while (at.length === count) await sleep(1);
    }
    const gap = (index: number): number => (at[index] ?? 0) - (at[index - 1] ?? 0);
    // The delays are 50, 100, 200, 400 ms, halved at most by the jitter.
    expect(gap(3)).to.be.greaterThan(195);
    queue.forget('key');
    const before = performance.now();
    queue.retry('key');
    while (at.length === 4) await sleep(1);
    expect((at[4] ?? 0) - before).to.be.lessThan(150);
  });

  it('lets work end that has begun when it is closed, and begins none', async () => {
    const done: string[] = [];
    const queue = new KeyQueue('test', createOperatorMetrics());
    const running = queue.run(1, async (key) => {
      await sleep(20);
      done.push(key);
    });
    queue.add('begun');
    queue.add('not begun');
    await sleep(5);
    queue.close();
    await running;
    expect(done).to.deep.equal(['begun']);
  });
});
