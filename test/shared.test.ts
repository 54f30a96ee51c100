import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import { Shared } from '../services/helm-service/deployer/shared.ts';

const MS = 200;

/** Questions, in the order in which they were put, are answered by hand. */
function asked() {
  const open: { key: string; answer: (value: string) => void; fail: () => void }[] = [];
  const shared = new Shared(MS, (key) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    open.push({ key, answer: resolve, fail: () => reject(new Error('away')) });
    return promise;
  });
  return { open, shared };
}

describe('a question that many ask', () => {
  it('is asked once for all who want a recent answer, and again when that is old', async () => {
    const { open, shared } = asked();
    const all = Promise.all([shared.recent('a'), shared.recent('a')]);
    open[0]?.answer('first');
    expect(await all).to.deep.equal(['first', 'first']);
    expect(await shared.recent('a')).to.equal('first');
    await sleep(MS + 50);
    const later = shared.recent('a');
    open[1]?.answer('second');
    expect(await later).to.equal('second');
  });

  it('is asked for each key by itself', async () => {
    const { open, shared } = asked();
    const [a, b] = [shared.recent('a'), shared.recent('b')];
    for (const { key, answer } of open) answer(`of ${key}`);
    expect(await Promise.all([a, b])).to.deep.equal(['of a', 'of b']);
  });

  it('is asked anew for who wants it as it is now, once for all who come meanwhile', async () => {
    const { open, shared } = asked();
    const before = shared.recent('a');
    const now = Promise.all([shared.fresh('a'), shared.fresh('a')]);
    open[0]?.answer('before');
    expect(await before).to.equal('before');
    await sleep(0);
    expect(open).to.have.length(2);
    open[1]?.answer('now');
    expect(await now).to.deep.equal(['now', 'now']);
    const again = shared.fresh('a');
    open[2]?.answer('again');
    expect(await again).to.equal('again');
  });

  it('is asked again after a failure, at once', async () => {
    const { open, shared } = asked();
    const failed = shared.recent('a').catch(() => 'failed');
    const next = shared.fresh('a');
    open[0]?.fail();
    expect(await failed).to.equal('failed');
    await sleep(0);
    open[1]?.answer('there again');
    expect(await next).to.equal('there again');
    expect(await shared.recent('a')).to.equal('there again');
  });
});
