/** Istio and Tiller as components of an installation: by the operator as a process, which is killed on the way. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { z } from 'zod';
import { locate } from '../tools/real-parts/locate.ts';
import { temporaryFolder } from '../tools/real-parts/temporary.ts';
import { startInstaller, type Installer } from './launch/installer.ts';
import { packIstio } from './launch/istio-charts.ts';
import { root } from './launch/node-process.ts';

const conditions = z.array(z.object({ type: z.string(), status: z.string(), reason: z.string(), message: z.string() }));

describe('an installation with Istio', () => {
  let world: Installer;
  let spec: object;
  before(async function () {
    this.timeout(120_000);
    const repository = await temporaryFolder('charts');
    await packIstio(repository, '1.0.0');
    world = await startInstaller({ HELM: await locate('helm') });
    // Nothing gives an address to a LoadBalancer here.
    const values = { gateway: { service: { type: 'NodePort' } } };
    const istio = { install: true, repository, version: '1.0.0', values };
    const rest = { useCases: ['quality-gates'], domain: 'keptn.example', deletionPolicy: 'Delete' };
    spec = { image: 'example.com/keptn:1.0.0', ...rest, istio };
  });
  after(() => world.stop());

  const condition = async (type: string) => {
    const found = await world.kubectl('get', 'keptns.keptn.sh/keptn', '-o', 'jsonpath={.status.conditions}');
    return conditions.parse(JSON.parse(found || '[]')).find((one) => one.type === type);
  };
  const until = async (what: string, test: () => Promise<boolean | undefined>): Promise<void> => {
    for (const deadline = Date.now() + 90_000; !(await test()); await sleep(200))
      if (Date.now() > deadline) throw new Error(`not in time: ${what}\n${JSON.stringify(await condition('Istio'))}`);
  };
  const secrets = (...selector: string[]): Promise<string> =>
    world.kubectl('-n', 'istio-system', 'get', 'secrets', '-o', 'name', '-l', ['owner=helm', ...selector].join());
  const tiller = (): Promise<string> =>
    world.kubectl(
      'get',
      'deploy,svc,sa,netpol,rolebindings',
      '-A',
      '-o',
      'name',
      '-l',
      'app.kubernetes.io/name=tiller-deploy',
    );

  it('says what it needs for that, and has all else already', async () => {
    await world.declare(spec);
    await until('told', async () => (await condition('Istio'))?.reason === 'NotPermitted');
    expect((await condition('Istio'))?.message).to.include('kubectl apply -k install/istio');
    await until('the rest', async () => (await condition('Bridge'))?.status === 'True');
    expect((await condition('Ready'))?.status).to.equal('False');
  });

  it('is ready once Istio is, though the operator is killed while helm is at work', async () => {
    await world.kubectl('apply', '-k', join(root, 'install/istio'));
    await until('helm is at work', async () => (await secrets('status in (pending-install, deployed)')) !== '');
    await world.operator.end('SIGKILL');
    await world.operator.start();
    await world.ready();
    expect(await condition('Istio')).to.include({ status: 'True', reason: 'Installed' });
    expect((await secrets('status!=superseded')).trim().split('\n')).to.have.length(3);
    expect(await secrets('status notin (deployed, superseded)')).to.equal('');
    expect(await world.kubectl('get', 'virtualservices.networking.istio.io', '-o', 'name')).to.include('/bridge');
    expect(await world.kubectl('-n', 'istio-system', 'get', 'gateways.networking.istio.io', '-o', 'name')).to.include(
      'public',
    );
  });

  it('has Tiller for as long as helm.version is v2', async () => {
    expect(await tiller()).to.equal('');
    const delivering = { ...spec, useCases: ['continuous-delivery'] };
    await world.declare({ ...delivering, helm: { version: 'v2', namespaces: ['shop-dev'] } });
    await until('told', async () => (await condition('TillerDeploy'))?.reason === 'NotFound');
    expect((await condition('TillerDeploy'))?.message).to.include('namespaces "shop-dev" not found');
    await world.kubectl('create', 'namespace', 'shop-dev');
    await until('Tiller', async () => (await condition('TillerDeploy'))?.status === 'True');
    const bindings = ['get', 'rolebindings', '-n', 'shop-dev', '-o', 'jsonpath={.items[*].roleRef.name}'];
    expect((await world.kubectl(...bindings)).split(' ')).to.have.members(['keptn-tiller', 'keptn-helm-service']);
    await world.declare({ ...delivering, helm: { version: 'v3' } });
    await until('no Tiller', async () => (await tiller()) === '');
  });

  it('is deleted with Istio, where it has deletionPolicy Delete', async () => {
    await world.kubectl('delete', 'keptns.keptn.sh/keptn', '--timeout=90s');
    expect(await secrets()).to.equal('');
    expect(await world.kubectl('-n', 'istio-system', 'get', 'deployments', '-o', 'name')).to.equal('');
    expect(await world.kubectl('get', 'gateways.networking.istio.io', '-A', '-o', 'name')).to.equal('');
  });
});
