/** Istio by Helm charts, with the rights of the operator alone, on a real API server: installed, upgraded, left alone, removed. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { z } from 'zod';
import type { IngressType } from '../lib/installation/installation.ts';
import { publicGateway } from '../lib/installation/istio.ts';
import { operatorObjects } from '../lib/installation/operator.ts';
import { keptnDefinition, type KeptnSpec } from '../lib/model/keptn.ts';
import { createLog } from '../lib/observe/log.ts';
import { loadKubeConfig } from '../lib/resources/kubernetes/store.ts';
import { ObjectClient } from '../lib/resources/kubernetes/objects.ts';
import { Istio } from '../operator/installation/istio.ts';
import type { Health } from '../operator/installation/workloads.ts';
import { locate } from '../tools/real-parts/locate.ts';
import { temporaryFolder } from '../tools/real-parts/temporary.ts';
import { startApiServer, type ApiServer } from './launch/api-server.ts';
import { packIstio, serveCharts, type ChartRepository } from './launch/istio-charts.ts';
import { root } from './launch/node-process.ts';
import { installIstioKinds, startNodes } from './launch/nodes.ts';
import { applyObjects } from './launch/objects.ts';
import { until } from './launch/standalone.ts';

const run = promisify(execFile);
const releases = z.array(
  z.object({
    name: z.string(),
    revision: z.string(),
    updated: z.string(),
    status: z.string(),
    app_version: z.string(),
  }),
);

describe('Istio', () => {
  let api: ApiServer;
  let nodes: { stop(): Promise<void> };
  let helm: string;
  let folder: string;
  let repository: ChartRepository;
  let kubeconfig: string;
  const made: Istio[] = [];
  before(async function () {
    this.timeout(180_000);
    api = await startApiServer();
    nodes = await startNodes(api);
    helm = await locate('helm');
    folder = await temporaryFolder('charts');
    for (const version of ['1.0.0', '1.1.0', '1.2.0']) await packIstio(folder, version);
    repository = await serveCharts(folder, helm);
    await applyObjects(api, operatorObjects({ namespace: 'keptn', image: 'keptn:test' }));
    kubeconfig = await kubeconfigOf('keptn-operator');
  });
  after(async () => {
    for (const istio of made) await istio.close();
    await repository.stop();
    await nodes.stop();
    await api.stop();
  });

  const kubectl = (...args: string[]): Promise<string> => api.kubectl(...args);
  const kubeconfigOf = async (account: string): Promise<string> => {
    const token = (await kubectl('-n', 'keptn', 'create', 'token', account)).trim();
    const config = loadKubeConfig(api.kubeconfig);
    const [cluster] = config.clusters;
    if (!cluster) throw new Error('no cluster');
    config.loadFromClusterAndUser(cluster, { name: account, token });
    const file = join(folder, account);
    await writeFile(file, config.exportConfig());
    return file;
  };
  /** Of an operator that has just begun. */
  const start = ({ timeoutSeconds = 30 } = {}): Istio => {
    const parts = { namespace: 'keptn', helm, timeoutSeconds, wake: () => undefined };
    const config = loadKubeConfig(kubeconfig);
    const objects = new ObjectClient(config, 'keptn-operator');
    const istio = new Istio({ ...parts, config, objects, log: createLog('test', 'silent') });
    made.push(istio);
    return istio;
  };
  const specOf = (istio: object, more: object = {}): KeptnSpec =>
    keptnDefinition.spec.parse({ istio: { install: true, repository: folder, version: '1.0.0', ...istio }, ...more });
  /** Nothing gives an address to a LoadBalancer here. */
  const values = { gateway: { service: { type: 'NodePort' } } };
  const upgraded = (more: object = {}): KeptnSpec =>
    specOf({ repository: repository.oci, version: '1.2.0', values: { ...values, ...more } });
  /** What it is once helm is not at work, and what was told on the way. */
  const settled = async (
    look: () => Promise<Health | undefined>,
  ): Promise<{ end: Health | undefined; told: string[] }> => {
    const told = new Set<string>();
    for (;;) {
      const end = await look();
      if (end?.status !== 'Unknown') return { end, told: [...told] };
      told.add(end.message);
      await sleep(100);
    }
  };
  const become = (istio: Istio, spec: KeptnSpec, ingress: IngressType = 'Istio') =>
    settled(() => istio.reconcile(spec, ingress));
  const list = async () =>
    releases.parse(
      JSON.parse(
        (await run(helm, ['list', '-a', '-n', 'istio-system', '-o', 'json', '--kubeconfig', api.kubeconfig])).stdout,
      ),
    );
  const revisions = async (): Promise<string[]> =>
    (await list())
      .map(({ name, revision, status, app_version }) => `${name} ${revision} ${status} ${app_version}`)
      .sort();
  const allAt = (revision: number, version: string): string[] =>
    ['keptn-istio-base', 'keptn-istio-ingressgateway', 'keptn-istiod'].map(
      (name) => `${name} ${revision} deployed ${version}`,
    );
  const gateway = async (): Promise<{ metadata: { uid: string; labels?: object }; spec: unknown }> =>
    JSON.parse(
      await kubectl('-n', 'istio-system', 'get', 'gateways.networking.istio.io', 'public-gateway', '-o', 'json'),
    ) as never;

  it('is nothing that an installation without it speaks of', async () => {
    expect(await start().reconcile(specOf({ install: false }), 'Ingress')).to.equal(undefined);
  });

  it('that is missing and not asked for is never installed', async () => {
    const spec = specOf({ install: false });
    const { end } = await become(start(), spec);
    expect(end).to.include({ component: 'istio', status: 'False', reason: 'NotInstalled' });
    expect(end?.message).to.include('spec.istio.install');
  });

  it('is not installed without the rights for it, and says how they are given', async () => {
    const { end } = await become(start(), specOf({}));
    expect(end).to.include({ status: 'False', reason: 'NotPermitted' });
    expect(end?.message).to.include('kubectl apply -k install/istio');
    expect(await kubectl('get', 'namespace', 'istio-system', '--ignore-not-found')).to.equal('');
  });

  it('that is there already is left alone, and gets public-gateway', async () => {
    await kubectl('create', 'namespace', 'istio-system');
    await installIstioKinds(api);
    await kubectl('-n', 'istio-system', 'create', 'deployment', 'istiod', '--image=docker.io/istio/pilot:1.20.1');
    const { end } = await become(start(), specOf({}));
    expect(end).to.deep.equal({
      ...{ component: 'istio', status: 'True', reason: 'AlreadyThere' },
      message: 'Istio 1.20.1 is there already, and is left alone',
    });
    expect(await list()).to.deep.equal([]);
    const { spec, metadata } = await gateway();
    expect(spec).to.deep.equal(publicGateway(specOf({}))?.['spec' as never]);
    expect(metadata.labels).to.include({ 'app.kubernetes.io/managed-by': 'keptn-operator' });
    expect((await become(start(), specOf({ install: false }))).end).to.deep.equal(end);
  });

  it("has another's public-gateway left alone, also when the installation is removed", async () => {
    await kubectl('-n', 'istio-system', 'delete', 'gateways.networking.istio.io', 'public-gateway');
    const theirs = {
      apiVersion: 'networking.istio.io/v1beta1',
      kind: 'Gateway',
      metadata: { name: 'public-gateway', namespace: 'istio-system' },
      spec: { servers: [] },
    };
    await applyObjects(api, [theirs]);
    const before = await gateway();
    await become(start(), specOf({}));
    expect(await start().remove()).to.equal(undefined);
    expect(await gateway()).to.deep.equal(before);
    expect(await kubectl('-n', 'istio-system', 'get', 'deployment', 'istiod', '-o', 'name')).to.include('istiod');
    await kubectl('-n', 'istio-system', 'delete', 'deployment/istiod', 'gateways.networking.istio.io/public-gateway');
  });

  it('by another name and in another namespace is there already, too', async () => {
    await kubectl('apply', '-k', join(root, 'install/istio'));
    await kubectl('create', 'deployment', 'istiod-1-20', '--image=docker.io/istio/pilot:1.20.2');
    await kubectl('label', 'deployment', 'istiod-1-20', 'app=istiod', '--overwrite');
    const { end } = await become(start(), specOf({}));
    expect(end).to.include({ reason: 'AlreadyThere', message: 'Istio 1.20.2 is there already, and is left alone' });
    await kubectl('delete', 'deployment', 'istiod-1-20');
    await kubectl('-n', 'istio-system', 'delete', 'gateways.networking.istio.io', 'public-gateway');
  });

  it('is installed, each chart when the one before is ready', async () => {
    const { end, told } = await become(start(), specOf({ values }));
    expect(end).to.include({ status: 'True', reason: 'Installed', message: 'Istio 1.0.0 is installed' });
    expect(told.slice(-2)).to.deep.equal([
      'keptn-istiod is being installed',
      'keptn-istio-ingressgateway is being installed',
    ]);
    expect(await revisions()).to.deep.equal(allAt(1, '1.0.0'));
    const byTime = (await list()).sort((one, other) => one.updated.localeCompare(other.updated));
    expect(byTime.map(({ name }) => name)).to.deep.equal([
      ...['keptn-istio-base', 'keptn-istiod', 'keptn-istio-ingressgateway'],
    ]);
    expect((await gateway()).metadata.labels).to.include({ 'app.kubernetes.io/part-of': 'keptn' });
    const selected = ['get', 'deployment', '-l', 'istio=ingressgateway', '-o', 'jsonpath={.items[*].metadata.name}'];
    expect(await kubectl('-n', 'istio-system', ...selected)).to.equal('istio-ingressgateway');
    const type = ['get', 'service', 'istio-ingressgateway', '-o', 'jsonpath={.spec.type}'];
    expect(await kubectl('-n', 'istio-system', ...type)).to.equal('NodePort');
  });

  it('is not touched when it is as declared, also by an operator that has begun anew', async () => {
    const before = await gateway();
    const { told } = await become(start(), specOf({ values }));
    expect(told).to.deep.equal([]);
    expect(await revisions()).to.deep.equal(allAt(1, '1.0.0'));
    expect(await gateway()).to.deep.equal(before);
  });

  it('is upgraded to another version, out of a Helm repository', async () => {
    const { end } = await become(start(), specOf({ repository: repository.url, version: '1.1.0', values }));
    expect(end).to.include({ status: 'True', reason: 'Installed', message: 'Istio 1.1.0 is installed' });
    expect(await revisions()).to.deep.equal(allAt(2, '1.1.0'));
  });

  it('is upgraded to another version, out of an OCI registry', async () => {
    const { end } = await become(start(), upgraded());
    expect(end).to.include({ status: 'True', reason: 'Installed', message: 'Istio 1.2.0 is installed' });
    expect(await revisions()).to.deep.equal(allAt(3, '1.2.0'));
  });

  it('and its gateway are put back when somebody deletes them', async () => {
    await kubectl('-n', 'istio-system', 'delete', 'deployment/istiod', 'gateways.networking.istio.io/public-gateway');
    const { end } = await become(start(), upgraded());
    expect(end).to.include({ status: 'True', reason: 'Installed' });
    const { metadata } = await gateway();
    expect(metadata.labels).to.include({ 'app.kubernetes.io/managed-by': 'keptn-operator' });
    expect(await revisions())
      .to.include('keptn-istiod 4 deployed 1.2.0')
      .and.include('keptn-istio-base 3 deployed 1.2.0');
  });

  it('that its chart refuses says why, and when it is tried again; what was there goes on', async () => {
    const before = await revisions();
    const { end } = await become(start(), upgraded({ istiod: { wrong: 'pilot.cpu must be a quantity' } }));
    expect(end).to.include({ status: 'False', reason: 'HelmFailed' });
    expect(end?.message).to.match(/pilot\.cpu must be a quantity; tried again at 20\S+Z$/);
    expect((await revisions()).filter((line) => !line.includes('base'))).to.deep.equal(
      before.filter((line) => !line.includes('base')),
    );
  });

  it('that does not become ready is rolled back', async () => {
    const istio = start({ timeoutSeconds: 4 });
    const nowhere = { istiod: { nodeSelector: { nowhere: 'true' } } };
    const { end } = await become(istio, upgraded(nowhere));
    expect(end).to.include({ status: 'False', reason: 'HelmFailed' });
    expect(end?.message).to.include('keptn-istiod: it was not ready in 4 s');
    expect((await revisions()).filter((line) => !line.includes('deployed 1.2.0'))).to.deep.equal([]);
    const selector = ['get', 'deployment', 'istiod', '-o', 'jsonpath={.spec.template.spec.nodeSelector}'];
    expect(await kubectl('-n', 'istio-system', ...selector)).to.equal('');
  });

  it('goes on where a kill has left a release in the middle of a change', async () => {
    const chart = join(folder, 'istiod-1.2.0.tgz');
    const args = ['upgrade', 'keptn-istiod', chart, '-n', 'istio-system', '--wait', '--kubeconfig', api.kubeconfig];
    const killed = execFile(helm, [...args, '--set', 'nodeSelector.nowhere=yes']);
    const isPending = async (): Promise<boolean> =>
      (await revisions()).some((line) => line.includes('pending-upgrade'));
    await until('the upgrade has begun', isPending, 30);
    killed.kill('SIGKILL');
    expect((await become(start(), upgraded())).end).to.include({ status: 'True', reason: 'Installed' });
    expect((await revisions()).filter((line) => !line.includes('deployed 1.2.0'))).to.deep.equal([]);
  });

  it('works on without the rights that it was installed with, which another version needs', async () => {
    await kubectl('delete', '-k', join(root, 'install/istio'));
    expect((await become(start(), upgraded())).end).to.include({ status: 'True', reason: 'Installed' });
    const { end } = await become(start(), specOf({}));
    expect(end).to.include({ status: 'False', reason: 'NotPermitted' });
    expect(end?.message).to.include('upgraded to 1.0.0').and.include('kubectl apply -k install/istio');
    expect(await start().remove()).to.include({ status: 'False', reason: 'NotPermitted' });
  });

  it('is removed with its installation; its kinds stay, and what people have made of them', async () => {
    await kubectl('apply', '-k', join(root, 'install/istio'));
    const istio = start();
    const { end, told } = await settled(() => istio.remove());
    expect(end).to.equal(undefined);
    expect(told.at(-1)).to.equal('keptn-istio-base is being removed');
    expect(await list()).to.deep.equal([]);
    expect(await kubectl('-n', 'istio-system', 'get', 'all', '-o', 'name')).to.equal('');
    expect(await kubectl('get', 'gateways.networking.istio.io', '-A')).to.equal('');
    expect(await kubectl('get', 'crd', 'gateways.networking.istio.io', '-o', 'name')).to.include('gateways');
  });
});
