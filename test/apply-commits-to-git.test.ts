import { expect } from 'chai';
import { expectedFiles, readExample, type Manifest } from './launch/manifests.ts';
import { custom, isReady, readyMessage, startWorld, type World } from './launch/world.ts';

const stages = ['dev', 'staging', 'prod'];

describe('an applied project', () => {
  let world: World;
  let manifests: Manifest[];

  before(async () => {
    world = await startWorld();
    manifests = await readExample('examples/sockshop');
    await world.apply('examples/sockshop');
    await world.kubectl('wait', '--for=condition=Ready', '--timeout=60s', 'keptn', '--all');
  });
  after(() => world.stop());

  const commits = async (): Promise<string> => world.git('sockshop', 'log', '--all', '--format=%H');
  const counts = async (): Promise<Record<string, number>> => {
    const result: Record<string, number> = {};
    for (const { type } of await world.events()) result[type] = (result[type] ?? 0) + 1;
    return result;
  };

  it('becomes Ready with a Stage for each stage of the shipyard', async () => {
    const seen = await world.objects();
    expect(seen.filter((object) => !isReady(object))).to.deep.equal([]);
    expect(seen.filter(({ kind }) => kind === 'Stage').map(({ metadata }) => metadata.name)).to.have.members(
      stages.map((stage) => `sockshop-${stage}`),
    );
    expect(seen).to.have.length(manifests.length + stages.length);
  });

  it('is in Git byte for byte as declared', async () => {
    for (const [where, content] of expectedFiles(manifests, stages)) {
      expect(await world.git('sockshop', 'show', where), where).to.equal(content);
    }
    expect(await world.git('sockshop', 'show', 'master:shipyard.yaml')).to.include(
      'deployment_strategy: blue_green_service',
    );
    await world.git('sockshop', 'fsck', '--strict');
  });

  it('can be cloned by git', async () => {
    await world.git(
      'sockshop',
      'clone',
      '--quiet',
      '--branch',
      'staging',
      `${world.gitDirectory}/sockshop.git`,
      `${world.gitDirectory}/../clone`,
    );
  });

  it('names its cause in each commit', async () => {
    const slo = (await world.objects()).find(({ metadata }) => metadata.name === 'sockshop-carts-slo');
    const message = await world.git('sockshop', 'log', '-1', '--format=%an%n%B', 'dev', '--', 'carts/slo.yaml');
    expect(message)
      .to.include(slo?.metadata.uid ?? 'no uid')
      .and.to.match(/^keptn-operator\n/);
    expect(message).to.match(/Keptn-Context: [0-9a-f-]{36}/);
  });

  it('is announced by each of its events once', async () => {
    expect(await counts()).to.deep.equal({
      'sh.keptn.internal.event.project.create': 1,
      'sh.keptn.internal.event.service.create': 2,
      'sh.keptn.event.configuration.change': 2,
    });
    const change = (await world.events()).find(
      ({ type, data }) => type.endsWith('configuration.change') && JSON.stringify(data).includes('"carts"'),
    );
    expect(change?.data).to.deep.include({
      project: 'sockshop',
      service: 'carts',
      stage: 'dev',
      valuesCanary: { image: 'docker.io/keptnexamples/carts:0.10.1' },
      canary: { action: 'set', value: 100 },
    });
  });

  it('makes no commit and no event when it is applied again', async () => {
    const before = [await commits(), (await world.events()).length];
    await world.apply('examples/sockshop');
    await world.kubectl('annotate', 'keptn', '--all', 'touched=yes');
    await world.operator.end('SIGTERM');
    await world.operator.start();
    await world.kubectl('wait', '--for=condition=Ready', '--timeout=60s', 'keptn', '--all');
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect([await commits(), (await world.events()).length]).to.deep.equal(before);
  });

  it('makes one commit and one event when one Resource of a chart changes', async () => {
    const before = [(await commits()).split('\n').length, (await world.events()).length];
    const spec = {
      project: 'sockshop',
      stage: 'dev',
      service: 'carts',
      uri: 'helm/carts/templates/extra.yaml',
      text: 'a: 1\n',
    };
    await world.apply([custom('Resource', 'extra', spec)]);
    await world.until(
      'the new file of the chart is announced',
      async () => (await world.events()).length === (before[1] ?? 0) + 1,
    );
    await world.apply([custom('Resource', 'extra', { ...spec, text: 'a: 2\n' })]);
    await world.until(
      'the changed file is announced',
      async () => (await world.events()).length === (before[1] ?? 0) + 2,
    );
    expect((await commits()).split('\n')).to.have.length((before[0] ?? 0) + 2);
    expect(await world.git('sockshop', 'show', 'dev:carts/helm/carts/templates/extra.yaml')).to.equal('a: 2\n');
    const last = (await world.events()).at(-1);
    expect(last?.data).to.deep.include({ stage: 'dev', fileChangesUserChart: { 'templates/extra.yaml': 'a: 2\n' } });
    expect(last?.extensions?.['gitcommitid']).to.equal((await world.git('sockshop', 'rev-parse', 'dev')).trim());
  });

  it('starts a delivery when the artifact of a Service changes', async () => {
    const count = (await world.events()).length;
    await world.kubectl(
      'patch',
      'services.keptn.sh',
      'sockshop-carts',
      '--type=merge',
      '-p',
      '{"spec":{"artifact":{"image":"docker.io/keptnexamples/carts:0.10.2"}}}',
    );
    await world.until('the delivery is announced', async () => (await world.events()).length === count + 1);
    expect((await world.events()).at(-1)?.data).to.deep.include({
      valuesCanary: { image: 'docker.io/keptnexamples/carts:0.10.2' },
    });
  });

  it('keeps an image that a delivery wrote into the chart until the declaration changes', async () => {
    const url = `${world.configuration.url}/v1/project/sockshop/stage/dev/service/carts/resource/helm%2Fcarts%2Fvalues.yaml`;
    const body = {
      resourceURI: 'helm/carts/values.yaml',
      resourceContent: Buffer.from('image: delivered\n').toString('base64'),
    };
    const answer = await fetch(url, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(answer.status).to.equal(201);
    await world.operator.end('SIGTERM');
    await world.operator.start();
    await world.until('all is Ready', (seen) => seen.every(isReady));
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(await world.git('sockshop', 'show', 'dev:carts/helm/carts/values.yaml')).to.equal('image: delivered\n');
  });

  it('brings the default back when the Resource of one stage is deleted', async () => {
    await world.kubectl('delete', 'resources.keptn.sh', 'sockshop-staging-carts-slo', '--timeout=30s');
    const expected = expectedFiles(manifests, stages).get('dev:carts/slo.yaml');
    await world.until(
      'staging has the default',
      async () => (await world.git('sockshop', 'show', 'staging:carts/slo.yaml').catch(() => '')) === expected,
    );
  });

  it('leaves the file of a Resource with Retain, and removes the file of one with Delete', async () => {
    await world.kubectl(
      'patch',
      'resources.keptn.sh',
      'sockshop-readme',
      '--type=merge',
      '-p',
      '{"spec":{"deletionPolicy":"Retain"}}',
    );
    await world.kubectl(
      'delete',
      'resources.keptn.sh',
      'sockshop-readme',
      'sockshop-carts-remediation',
      '--timeout=30s',
    );
    expect(await world.git('sockshop', 'show', 'master:README.md')).to.include('sockshop');
    for (const stage of stages)
      expect(await world.git('sockshop', 'ls-tree', '-r', '--name-only', stage)).not.to.include('remediation.yaml');
  });

  it('removes branch and Stage when a stage leaves the shipyard, and adds both when one comes', async () => {
    const shipyard = {
      stages: [
        { name: 'dev', deployment_strategy: 'direct' },
        { name: 'qa', deployment_strategy: 'direct' },
      ],
    };
    await world.kubectl(
      'patch',
      'projects.keptn.sh',
      'sockshop',
      '--type=merge',
      '-p',
      JSON.stringify({ spec: { shipyard } }),
    );
    await world.until('only dev and qa are left, with everything in qa', async (seen) => {
      const names = seen.filter(({ kind }) => kind === 'Stage').map(({ metadata }) => metadata.name);
      return (
        names.sort().join() === 'sockshop-dev,sockshop-qa' &&
        seen.every((object) => isReady(object) || object.metadata.name.includes('staging'))
      );
    });
    const branches = (await world.git('sockshop', 'for-each-ref', '--format=%(refname:short)', 'refs/heads'))
      .trim()
      .split('\n');
    expect(branches).to.have.members(['master', 'dev', 'qa']);
    const chart = expectedFiles(manifests, stages).get('dev:carts/helm/carts/Chart.yaml');
    expect(await world.git('sockshop', 'show', 'qa:carts/helm/carts/Chart.yaml')).to.equal(chart);
  });

  it('is announced anew, and complete in Git, when its Project alone is deleted and made again', async () => {
    const before = (await world.events()).length;
    await world.kubectl('delete', 'projects.keptn.sh', 'sockshop', '--timeout=30s');
    await world.until('what was in it says so', (seen) =>
      seen.every((object) => readyMessage(object).startsWith('ProjectNotReady')),
    );
    await world.apply('examples/sockshop');
    await world.until('all is Ready', (seen) => seen.every(isReady));
    for (const [where, content] of expectedFiles(manifests, stages)) {
      expect(await world.git('sockshop', 'show', where), where).to.equal(content);
    }
    const types = (await world.events()).slice(before).map(({ type }) => type.split('.').slice(-2).join('.'));
    expect(types.sort()).to.deep.equal([
      ...['configuration.change', 'configuration.change', 'project.create', 'project.delete'],
      ...['service.create', 'service.create'],
    ]);
  });

  it('is gone from Git, with one event, when it is deleted', async () => {
    await world.kubectl('delete', '-k', 'examples/sockshop', '--timeout=60s', '--ignore-not-found');
    await world.until(
      'no object is left',
      (seen) => seen.filter(({ metadata }) => metadata.name !== 'extra').length === 0,
    );
    await world.git('sockshop', 'log').then(
      () => expect.fail('the repository is there'),
      () => undefined,
    );
    expect((await counts())['sh.keptn.internal.event.project.delete']).to.equal(2);
  });

  it('stays in Git, without an event, when it is deleted with Retain', async () => {
    const count = (await world.events()).length;
    await world.apply([
      custom('Project', 'kept', {
        shipyard: { stages: [{ name: 'dev', deployment_strategy: 'direct' }] },
        deletionPolicy: 'Retain',
      }),
    ]);
    await world.until(
      'the project is Ready',
      (seen) =>
        seen.some(({ metadata }) => metadata.name === 'kept-dev') &&
        seen.every((object) => isReady(object) || object.metadata.name === 'extra'),
    );
    await world.kubectl('delete', 'projects.keptn.sh', 'kept', '--timeout=30s');
    await world.until(
      'its Stage is gone too',
      (seen) => !seen.some(({ metadata }) => metadata.name.startsWith('kept')),
    );
    expect(await world.git('kept', 'show', 'master:shipyard.yaml')).to.include('dev');
    expect(await world.git('kept', 'branch')).to.include('dev');
    expect(await world.events()).to.have.length(count + 1);
  });
});
