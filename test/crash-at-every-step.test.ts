import { expect } from 'chai';
import type { KeptnEvent } from '../lib/events/event.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { custom, isReady, startWorld, type World } from './launch/world.ts';

/** Every line of a reconcile after which the process may die, by kind. */
const around = ['finish', 'finished'];
const points: Record<string, string[]> = {
  Project: ['finalizer', 'stages', 'repository', 'commit', 'announce', 'mark', 'publish', 'published', ...around],
  Stage: ['finalizer', 'commit', ...around],
  Service: ['finalizer', 'commit', 'announce', 'mark', 'publish', 'published', 'deliver', ...around],
  Resource: ['finalizer', 'commit', 'announce', ...around],
};
/** Points of a deletion: one of them after each creation or change, in turn. */
const removals = [
  ...['remove-stages', 'remove-repository', 'announce-removal', 'drop-finalizer'].map((name) => `Project/${name}`),
  ...['remove-branch', 'drop-finalizer'].map((name) => `Stage/${name}`),
  ...['remove-folders', 'drop-finalizer'].map((name) => `Service/${name}`),
  ...['remove-file', 'announce-removal', 'drop-finalizer'].map((name) => `Resource/${name}`),
];
const changes = [
  ...['commit', 'announce', 'mark', 'publish', 'published', 'finish'].map((name) => `Resource/${name}`),
  ...['mark', 'publish', 'published', 'finish'].map((name) => `Service/${name}`),
];

function objectsOf(project: string, image = 'carts:1', text = 'a: 1\n'): object[] {
  return [
    custom('Project', project, { shipyard: { stages: [{ name: 'dev', deployment_strategy: 'direct' }] } }),
    custom('Resource', `${project}-chart`, { project, service: 'carts', uri: 'helm/carts/values.yaml', text }),
    custom('Service', `${project}-carts`, { project, name: 'carts', artifact: { image } }),
  ];
}

describe('an operator that is killed in the middle', () => {
  let world: World;
  let projects = 0;
  let deletions = 0;
  const nextProject = (): string => `p${(projects += 1)}`;
  const nextRemoval = (): string => removals[(deletions += 1) % removals.length] ?? '';
  before(async () => {
    world = await startWorld({ without: ['operator'] });
  });
  after(() => world.stop());

  const mine = async (project: string): Promise<KeptnEvent[]> =>
    (await world.events()).filter(({ data }) => (data as { project?: string }).project === project);
  const typesOf = async (project: string): Promise<string[]> =>
    (await mine(project)).map(({ type }) => type.split('.').slice(-2).join('.')).sort();

  /** Starts an operator that dies at the point, waits for its death, and starts one that lives. */
  async function dieAndComeBack(point: string): Promise<void> {
    await world.operator.start({ KEPTN_CRASH_AT: point });
    const died = await Promise.race([world.operator.ended().then(() => true), sleep(20_000, false)]);
    expect(died, `the operator died at ${point}`).to.equal(true);
    await world.operator.start();
  }

  for (const [kind, names] of Object.entries(points)) {
    for (const name of names) {
      const removal = nextRemoval();
      it(`ends in the same state when it dies at ${kind}/${name}, and at ${removal} of the deletion`, async () => {
        const project = nextProject();
        await world.apply(objectsOf(project));
        await dieAndComeBack(`${kind}/${name}`);
        await world.until('all is Ready', (seen) => seen.length === 4 && seen.every(isReady));
        expect(await world.git(project, 'show', 'dev:carts/helm/carts/values.yaml')).to.equal('a: 1\n');
        expect(
          (await world.git(project, 'log', '--format=%s', 'dev', '--', 'carts/helm')).trim().split('\n'),
        ).to.have.length(1);
        expect(await typesOf(project)).to.deep.equal(['configuration.change', 'project.create', 'service.create']);
        await deleteAll(project, removal);
      });
    }
  }

  for (const point of changes) {
    const removal = nextRemoval();
    it(`announces a change once when it dies at ${point}, and finishes a deletion at ${removal}`, async () => {
      const project = nextProject();
      await world.apply(objectsOf(project));
      await world.operator.start();
      await world.until('all is Ready', (seen) => seen.length === 4 && seen.every(isReady));
      await world.operator.end('SIGTERM');
      await world.apply(
        point.startsWith('Service') ? objectsOf(project, 'carts:2') : objectsOf(project, 'carts:1', 'a: 2\n'),
      );
      await dieAndComeBack(point);
      await world.until(
        'the change is in effect',
        async (seen) => seen.every(isReady) && (await mine(project)).length === 4,
      );
      await sleep(500);
      expect(await typesOf(project)).to.deep.equal([
        'configuration.change',
        'configuration.change',
        'project.create',
        'service.create',
      ]);
      await deleteAll(project, removal);
    });
  }

  async function deleteAll(project: string, point: string): Promise<void> {
    await world.operator.end('SIGTERM');
    await world.kubectl('delete', 'keptn', '--all', '--wait=false');
    await dieAndComeBack(point);
    await world.until('no object is left', (seen) => seen.length === 0);
    expect((await typesOf(project)).filter((type) => type === 'project.delete')).to.have.length(1);
    expect(await world.git(project, 'log').catch(() => 'gone')).to.equal('gone');
    await world.operator.end('SIGTERM');
  }
});
