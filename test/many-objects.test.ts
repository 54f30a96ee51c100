import { expect } from 'chai';
import { custom, isReady, startWorld, type World } from './launch/world.ts';

const PROJECTS = 20;
const RESOURCES = 100;

describe('two thousand Resources', () => {
  let world: World;
  before(async () => {
    world = await startWorld();
  });
  after(() => world.stop());

  it('in twenty projects, applied at once, all become Ready', async function () {
    // kubectl alone takes half a minute to apply them.
    this.timeout(240_000);
    const projects = Array.from({ length: PROJECTS }, (_, index) => `p${index}`);
    const objects = projects.flatMap((project) => [
      custom('Project', project, { shipyard: { stages: [{ name: 'dev', deployment_strategy: 'direct' }] } }),
      ...Array.from({ length: RESOURCES }, (_, index) =>
        custom('Resource', `${project}-${index}`, {
          project,
          uri: `files/${index}.txt`,
          text: `${project} ${index}\n`,
        }),
      ),
    ]);
    await world.apply(objects);
    await world.until(
      'all are Ready',
      (seen) => seen.length === PROJECTS * (RESOURCES + 2) && seen.every(isReady),
      120,
    );
    for (const project of projects) {
      expect(
        (await world.git(project, 'ls-tree', '-r', '--name-only', 'master', 'files/')).trim().split('\n'),
      ).to.have.length(RESOURCES);
    }
  });

  it('are told in the metrics, and leave the queue empty', async () => {
    const metric = async (line: RegExp): Promise<number> =>
      Number(line.exec(await (await fetch(`${world.operator.url}/metrics`)).text())?.[1]);
    expect(
      await metric(/controller_runtime_reconcile_total\{controller="resource",result="success"\} (\d+)/),
    ).to.be.at.least(PROJECTS * RESOURCES);
    await world.until('the queue is empty', async () => (await metric(/workqueue_depth\{name="keptn"\} (\d+)/)) === 0);
    expect(await metric(/process_resident_memory_bytes (\d+)/)).to.be.lessThan(300e6);
  });
});
