/** In which order the helm-service prepares many changes that come at once. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import { Preparing } from '../services/helm-service/preparing.ts';

/** Changes that begin when it is their turn; each is told to go on. */
function changes(count: number) {
  const preparing = new Preparing();
  const begun: number[] = [];
  const steps = Array.from({ length: count }, () => ({
    started: () => {},
    end: Promise.withResolvers<number>(),
  }));
  const results = steps.map((step, nth) =>
    preparing.run((started) => {
      begun.push(nth);
      step.started = started;
      return step.end.promise;
    }),
  );
  return { begun, steps, results };
}

describe('changes that come at once', () => {
  it('are prepared four at a time in their order, and the next while helm is at work for one', async () => {
    const { begun, steps, results } = changes(6);
    await turn();
    expect(begun).to.deep.equal([0, 1, 2, 3]);
    steps[2]?.started();
    await turn();
    expect(begun).to.deep.equal([0, 1, 2, 3, 4]);
    steps.forEach(({ end }, nth) => end.resolve(nth));
    expect(await Promise.all(results)).to.deep.equal([0, 1, 2, 3, 4, 5]);
  });

  it('go on when one of them fails before helm was called', async () => {
    const { begun, steps, results } = changes(5);
    await turn();
    steps[0]?.end.reject(new Error('no chart'));
    const failure = await results[0]?.catch(String);
    await turn();
    expect(failure).to.equal('Error: no chart');
    expect(begun).to.deep.equal([0, 1, 2, 3, 4]);
    steps.forEach(({ end }) => end.resolve(0));
    await Promise.all(results.slice(1));
  });
});
