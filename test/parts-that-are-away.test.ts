import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import { custom, isReady, startOwnWorld, type OwnWorld } from './launch/world.ts';

const AWAY_MS = 20_000;

function objectsOf(project: string): object[] {
  return [
    custom('Project', project, { shipyard: { stages: [{ name: 'dev', deployment_strategy: 'direct' }] } }),
    custom('Resource', `${project}-slo`, { project, service: 'carts', uri: 'slo.yaml', text: 'x: 1\n' }),
    custom('Service', `${project}-carts`, { project, name: 'carts', artifact: { image: 'carts:1' } }),
  ];
}

describe('parts that are away', () => {
  let world: OwnWorld;
  before(async () => {
    world = await startOwnWorld({ without: ['operator', 'configuration'] });
    await world.nats.kill();
  });
  after(() => world.stop());

  const complete = async (project: string): Promise<void> => {
    await world.until(
      `${project} is Ready`,
      (seen) => seen.filter(({ metadata }) => metadata.name.startsWith(project)).length === 4 && seen.every(isReady),
    );
    const events = (await world.events()).filter(({ data }) => (data as { project?: string }).project === project);
    expect(events.map(({ type }) => type.split('.').slice(-2).join('.')).sort()).to.deep.equal([
      'configuration.change',
      'project.create',
      'service.create',
    ]);
    expect(await world.git(project, 'show', 'dev:carts/slo.yaml')).to.equal('x: 1\n');
  };

  it('may come up after the operator: the API server, NATS and the configuration-service', async () => {
    await world.api.killApiServer();
    await world.operator.start();
    await sleep(2_000);
    await world.api.startAgain();
    await world.apply(objectsOf('late'));
    await sleep(2_000);
    await world.configuration.start();
    await sleep(2_000);
    await world.nats.startAgain();
    await complete('late');
  });

  it('the API server, for 20 s: what was declared after it is in effect, and the watch goes on', async () => {
    await world.api.killApiServer();
    await sleep(AWAY_MS);
    await world.api.startAgain();
    await world.apply(objectsOf('after-api'));
    await complete('after-api');
  });

  it('NATS, for 20 s: no event is lost or doubled', async () => {
    await world.nats.kill();
    await world.apply(objectsOf('without-nats'));
    await sleep(AWAY_MS);
    expect((await fetch(`${world.operator.url}/readyz`)).status).to.equal(503);
    await world.nats.startAgain();
    await complete('without-nats');
  });

  it('the configuration-service, for 20 s: objects say why they wait, then become Ready', async () => {
    await world.configuration.end('SIGKILL');
    await world.apply(objectsOf('without-git'));
    await world.until('the project says what is away', (seen) =>
      seen.some(
        ({ kind, metadata, status }) =>
          kind === 'Project' &&
          metadata.name === 'without-git' &&
          JSON.stringify(status).includes('the configuration-service does not answer'),
      ),
    );
    await sleep(AWAY_MS);
    await world.configuration.start();
    await complete('without-git');
  });

  it('sees what was deleted while it could not watch and its resourceVersion expired', async () => {
    await world.operator.end('SIGTERM');
    await world.operator.start();
    await world.until('all is Ready', (seen) => seen.every(isReady));
    const pid = world.operator.pid ?? 0;
    process.kill(pid, 'SIGSTOP');
    await world.kubectl('delete', 'resources.keptn.sh', 'late-slo', '--wait=false');
    await world.kubectl(
      'patch',
      'services.keptn.sh',
      'late-carts',
      '--type=merge',
      '-p',
      '{"spec":{"artifact":{"image":"carts:2"}}}',
    );
    await world.api.compactEtcd();
    await world.api.killApiServer();
    await world.api.startAgain();
    process.kill(pid, 'SIGCONT');
    await world.until(
      'the deleted Resource is gone',
      (seen) => !seen.some(({ metadata }) => metadata.name === 'late-slo'),
    );
    await world.until('the change is announced', async () => JSON.stringify(await world.events()).includes('carts:2'));
  });

  it('ends in order when it is asked to: exit code 0 within the deadline', async () => {
    expect(await world.operator.end('SIGTERM')).to.equal(0);
  });
});
