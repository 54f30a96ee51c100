/** What people ask the api for in a cluster: custom resources, which kubectl shows and the operator brings about. */
import { expect } from 'chai';
import { commandLine } from './launch/keptn.ts';
import { nodeProcess, type NodeProcess } from './launch/node-process.ts';
import { custom, isReady, startWorld, type World } from './launch/world.ts';

const token = 'a-token-of-the-test-0123456789';
const shipyard = Buffer.from('stages:\n- name: dev\n  deployment_strategy: direct\n').toString('base64');

describe('the api in a cluster', () => {
  let world: World;
  let api: NodeProcess;

  before(async () => {
    world = await startWorld();
    api = await nodeProcess('api', {
      env: {
        KUBECONFIG: world.api.kubeconfig,
        PUBSUB_URL: world.nats.url,
        CONFIGURATION_URI: world.configuration.url,
        SECRET_TOKEN: token,
        KEPTN_LISTEN_HOST: '127.0.0.1',
        LOG_LEVEL: 'warn',
      },
      port: 'PORT',
      ready: '/readyz',
    });
    await api.start();
  });
  after(async () => {
    await world.kubectl('delete', 'keptn', '--all', '--wait=false').catch(() => undefined);
    expect(await api.end('SIGTERM')).to.equal(0);
    await world.stop();
  });

  const ask = (method: string, path: string, body?: unknown): Promise<Response> =>
    fetch(api.url + path, {
      method,
      headers: { 'x-token': token },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });

  it('makes a Project and a Service that become Ready, and refuses a second one of either', async () => {
    const asked = await Promise.all([1, 2].map(() => ask('POST', '/v1/project', { name: 'by-cli', shipyard })));
    expect(asked.map(({ status }) => status).sort()).to.deep.equal([200, 400]);
    await world.until('the project and its stage', (seen) => seen.length === 2 && seen.every(isReady));
    expect(await world.kubectl('get', 'projects.keptn.sh')).to.match(/by-cli +dev +True/);
    const answer = await ask('POST', '/v1/project/by-cli/service', { serviceName: 'carts' });
    expect(answer.status).to.equal(200);
    const { keptnContext } = (await answer.json()) as { keptnContext: string };
    await world.until('the service', (seen) => seen.some(({ kind }) => kind === 'Service') && seen.every(isReady));
    const [created] = (await world.events()).filter(({ type }) => type.endsWith('service.create'));
    expect(created).to.deep.include({ shkeptncontext: keptnContext });
    expect((await ask('POST', '/v1/project/by-cli/service', { serviceName: 'carts' })).status).to.equal(400);
  });

  it('shows and takes what kubectl has made', async () => {
    await world.apply([
      {
        apiVersion: 'keptn.sh/v1alpha1',
        kind: 'Project',
        metadata: { name: 'by-kubectl' },
        spec: { shipyard: { stages: [{ name: 'dev', deployment_strategy: 'direct' }] } },
      },
    ]);
    await world.until(
      'the project',
      (seen) => seen.some(({ metadata }) => metadata.name === 'by-kubectl-dev') && seen.every(isReady),
    );
    expect((await ask('GET', '/v1/project/by-kubectl')).status).to.equal(200);
    expect((await ask('POST', '/v1/project', { name: 'by-kubectl', shipyard })).status).to.equal(400);
    expect((await ask('DELETE', '/v1/project/by-kubectl')).status).to.equal(200);
    await world.until('it is gone', (seen) => !seen.some(({ metadata }) => metadata.name.startsWith('by-kubectl')));
  });

  it('has the Bridge reached from outside, or no more, as the Keptn object of its namespace says', async () => {
    const { keptn } = commandLine(() => ({ KEPTN_ENDPOINT: api.url, KEPTN_API_TOKEN: token }));
    const configure = (action: string) => keptn('configure', 'bridge', `--action=${action}`);
    const declare = (spec: object): Promise<void> => world.apply([custom('Keptn', 'keptn', spec)]);
    const none = await configure('expose');
    expect([none.code, none.err.includes('there is no Keptn object here')], none.err).to.deep.equal([1, true]);
    await declare({});
    expect((await ask('POST', '/v1/configure/bridge/expose', true)).status).to.equal(412);
    await declare({ domain: 'example.com' });
    const exposed = await ask('POST', '/v1/configure/bridge/expose', true);
    expect([exposed.status, await exposed.json()]).to.deep.equal([200, 'bridge.keptn.example.com']);
    expect((await configure('lockdown')).err).to.equal('The Bridge is not reached from outside\n');
    const found = await world.kubectl('get', 'keptns.keptn.sh/keptn', '-o', 'jsonpath={.spec.ingress.exposeBridge}');
    expect(found).to.equal('false');
    expect((await configure('expose')).err).to.equal('The Bridge is at https://bridge.keptn.example.com\n');
    expect((await ask('POST', '/v1/configure/bridge/expose', { expose: true })).status).to.equal(422);
    await world.kubectl('delete', 'keptns.keptn.sh/keptn');
  });
});
