/** The commands for Keptn against a cluster with real helm: what they make is what kubectl shows. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { stringify } from 'yaml';
import { startDeliveryWorld, type DeliveryWorld } from './launch/delivery.ts';
import { nodeProcess, type NodeProcess } from './launch/node-process.ts';
import type { Ran } from './launch/keptn.ts';
import { until } from './launch/standalone.ts';
import { tinyChart } from './launch/tiny.ts';
import { custom } from './launch/world.ts';

const shipyard = `stages:
- { name: dev, deployment_strategy: direct, test_strategy: functional }
- { name: prod, deployment_strategy: direct, approval_strategy: manual }
`;
const carts = ['--project', 'shop', '--service', 'carts'];
const image = (tag: string): string => `docker.io/example/carts:${tag}`;

describe('keptn, with a cluster,', () => {
  let world: DeliveryWorld;
  let monitoring: NodeProcess;
  let folder: string;
  before(async () => {
    world = await startDeliveryWorld({ plain: true });
    // An installation has it.
    await world.kubectl('create', 'namespace', 'keptn');
    monitoring = await nodeProcess('prometheus-service', {
      env: {
        ...{ PUBSUB_URL: world.nats.url, CONFIGURATION_SERVICE: world.configuration.url, LOG_LEVEL: 'warn' },
        ...{ KUBECONFIG: world.api.kubeconfig, KEPTN_LISTEN_HOST: '127.0.0.1' },
      },
      port: 'KEPTN_HEALTH_PORT',
      ready: '/readyz',
    });
    await monitoring.start();
    folder = await mkdtemp(join(tmpdir(), 'keptn-cli-cluster-'));
    await writeFile(join(folder, 'shipyard.yaml'), shipyard);
    for (const [path, text] of Object.entries(tinyChart('carts'))) {
      const file = join(folder, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
    }
  });
  after(async () => {
    await monitoring.end('SIGTERM');
    await world.stop();
    await rm(folder, { recursive: true });
  });

  const keptn = (...args: string[]): Promise<Ran> => world.cli.keptn(...args);
  const done = async (...args: string[]): Promise<Ran> => {
    const ran = await keptn(...args);
    expect(ran.code, `keptn ${args.join(' ')}: ${ran.err}`).to.equal(0);
    return ran;
  };
  /** A delivery that asks before prod. */
  const asking = async (tag: string) => {
    const begun = world.cli.start(['send', 'event', 'new-artifact', ...carts, '--image', image(tag)]);
    await until('it asks', () => begun.ran.err.includes('keptn send event approval'), 60);
    return begun;
  };
  const approve = (...more: string[]): Promise<Ran> =>
    done('send', 'event', 'approval', ...carts, '--stage', 'prod', ...more);

  it('finds everything in order', async () => {
    expect((await done('status')).out).to.match(/true\n$/);
    expect((await done('doctor')).out).to.match(/^✓ +kinds +5 of 5 are there$/m);
    expect((await done('version')).out).to.match(/^Keptn version: \d/m);
  });

  it('makes projects, services and files that kubectl shows', async () => {
    await done('create', 'project', 'shop', '--shipyard', join(folder, 'shipyard.yaml'));
    await world.kubectl('wait', '--for=condition=Ready', 'projects.keptn.sh/shop', '--timeout=30s');
    expect(await world.kubectl('get', 'projects.keptn.sh', 'shop')).to.match(/^shop +dev, ?prod +True/m);
    await done('onboard', 'service', 'carts', '-p', 'shop', '--chart', join(folder, 'helm/carts'));
    await done('create', 'service', 'bare', '-p', 'shop');
    await world.kubectl('wait', '--for=condition=Ready', 'services.keptn.sh', '--all', '--timeout=30s');
    await done(
      'add-resource',
      '-p',
      'shop',
      '-s',
      'dev',
      '--service',
      'carts',
      '-r',
      join(folder, 'shipyard.yaml'),
      '--resourceUri',
      'a.yaml',
    );
    expect((await done('get', 'projects')).out).to.match(/^shop +dev, prod$/m);
    expect((await done('get', 'stages', '-p', 'shop')).out).to.equal('NAME\ndev\nprod\n');
    expect((await done('get', 'services', '-p', 'shop', '-s', 'prod')).out)
      .to.include('bare')
      .and.include('carts');
    const files = await done('get', 'resources', '-p', 'shop', '-s', 'dev', '--service', 'carts');
    expect(files.out).to.include('/a.yaml').and.include('/helm/carts');
    const again = await keptn('create', 'project', 'shop', '--shipyard', join(folder, 'shipyard.yaml'));
    expect([again.code, again.err]).to.deep.equal([1, 'Error: Project shop already exists\n']);
  });

  it('applies objects, and waits until they are Ready', async () => {
    const file = join(folder, 'objects.yaml');
    const spec = { shipyard: { stages: [{ name: 'dev', deployment_strategy: 'direct' }] } };
    const objects = [custom('Service', 'yaml-a', { project: 'yaml', name: 'a' }), custom('Project', 'yaml', spec)];
    await writeFile(file, objects.map((object) => stringify(object)).join('---\n'));
    expect((await done('apply', '-f', file)).out).to.match(/^Project +yaml +created\nService +yaml-a +created$/m);
    expect(await world.kubectl('get', 'services.keptn.sh', 'yaml-a')).to.match(/True/);
    expect((await done('apply', '-f', file)).out).to.match(/^Project +yaml +unchanged$/m);
    await writeFile(file, stringify(custom('Project', 'yaml', { ...spec, supend: true })));
    const refused = await keptn('apply', '-f', file);
    expect([refused.code, refused.err]).to.have.nested.property('[0]', 1);
    expect(refused.err).to.include('.spec.supend: field not declared in schema');
  });

  it('delivers, asks, and goes on with the answer', async () => {
    const { ended } = await asking('1');
    await approve();
    const { code, err } = await ended;
    expect(err).to.match(/^prod +Ready /m);
    expect(code).to.equal(0);
    expect(await world.kubectl('get', 'deployment', 'carts', '-n', 'shop-prod', '-o', 'yaml')).to.include(image('1'));
    const events = await done('get', 'events', '--project', 'shop', '--type', 'sh.keptn.events.deployment-finished');
    expect(events.out).to.match(/prod +carts/);
    const [, context = ''] = /ID of Keptn context: (\S+)/.exec(err) ?? [];
    expect((await done('logs', context)).out).to.include('helm-service');
    expect((await done('logs', '-f', context)).err).to.include('carts');
  });

  it('pauses, resumes, declines and aborts', async () => {
    const paused = await asking('2');
    await done('pause', ...carts);
    await until('it is paused', () => /^prod +Paused/m.test(paused.ran.err), 30);
    await done('resume', ...carts);
    await approve('--result', 'failed', '--message', 'not today');
    expect((await paused.ended).err).to.include('declined: not today');
    const aborted = await asking('3');
    await done('abort', ...carts);
    expect((await aborted.ended).code).to.equal(1);
  });

  it('promotes and rolls back by hand', async () => {
    expect((await done('promote', ...carts, '--stage', 'dev')).err).to.include(
      `Promoting ${image('3')} from dev to prod`,
    );
    expect((await done('rollback', ...carts, '--stage', 'prod')).err).to.include(`back to ${image('1')}`);
    expect(await world.kubectl('get', 'deployment', 'carts', '-n', 'shop-prod', '-o', 'yaml')).to.include(image('1'));
  });

  it('evaluates, and configures who measures', async () => {
    const evaluation = await keptn('send', 'event', 'start-evaluation', ...carts, '--stage', 'dev', '--wait');
    expect([evaluation.code, evaluation.err.includes('no SLO found')], evaluation.err).to.deep.equal([1, true]);
    const [, context = ''] = /ID of Keptn context: (\S+)/.exec(evaluation.err) ?? [];
    expect((await done('get', 'event', 'evaluation-done', '--keptn-context', context)).out).to.include('no SLO found');
    const configured = await done('configure', 'monitoring', 'prometheus', '-p', 'shop', '-s', 'carts');
    expect(configured.err).to.include('keys shop.carts.* of ConfigMap keptn/keptn-prometheus');
    expect(await world.kubectl('get', 'configmap', 'keptn-prometheus', '-n', 'keptn', '-o', 'yaml')).to.include(
      'job_name: carts-shop-dev',
    );
    const file = join(folder, 'event.json');
    await writeFile(file, JSON.stringify({ type: 'sh.keptn.event.mine', source: 'me', data: {} }));
    await done('send', 'event', '-f', file);
  });

  it('deletes a project with all its objects, and says who does not answer any more', async () => {
    await done('delete', 'project', 'shop');
    await until('it is gone', async () => !(await world.kubectl('get', 'keptn', '-A')).includes('shop'), 30);
    const rules = () => world.kubectl('get', 'configmap', 'keptn-prometheus', '-n', 'keptn', '-o', 'yaml');
    await until('Prometheus is not told of it any more', async () => !(await rules()).includes('carts-shop'));
    await world.keptnApi.end('SIGTERM');
    const away = await keptn('get', 'projects');
    expect([away.code, away.err.includes('is it running')], away.err).to.deep.equal([3, true]);
    await world.keptnApi.start();
  });
});
