/** Rollouts into a cluster by the real helm: what is told while they run, why they fail, and what is left then. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { Transient } from '../lib/errors/classes.ts';
import { eventTypes, textIn } from '../lib/events/event.ts';
import { ClusterDeployer } from '../services/helm-service/deployer/cluster.ts';
import { helmService } from '../services/helm-service/handler.ts';
import { locate } from '../tools/real-parts/locate.ts';
import { startApiServer, type ApiServer } from './launch/api-server.ts';
import { startInProcess, type InProcess } from './launch/in-process.ts';
import { startNodes } from './launch/nodes.ts';
import { until } from './launch/standalone.ts';
import { tinyChart } from './launch/tiny.ts';

const run = promisify(execFile);
const { configurationChange, deploymentFinished, deliveryFinished, deliveryAbort } = eventTypes;
const shipyard = `stages:
  - { name: dev, deployment_strategy: direct }
  - { name: staging, deployment_strategy: blue_green_service }
`;

describe('a rollout by helm', () => {
  let api: ApiServer;
  let nodes: { stop(): Promise<void> };
  let helm: string;
  let world: InProcess;
  before(async function () {
    this.timeout(120_000);
    api = await startApiServer();
    nodes = await startNodes(api);
    helm = await locate('helm');
    world = await startInProcess(({ configuration, history }) => [
      helmService({
        configuration,
        history,
        deployer: new ClusterDeployer({
          ...{ program: helm, version: 'v3', kubeconfig: api.kubeconfig },
          ...{ timeoutSeconds: 60, patienceSeconds: 3 },
        }),
        routes: { domain: '', gateway: 'istio-system/public-gateway' },
        parallel: 8,
      }),
    ]);
  });
  after(async () => {
    await world.close();
    await nodes.stop();
    await api.stop();
  });

  const place = (project: string, stage: string) => ({ project, stage, service: 'carts' });
  const send = (project: string, stage: string, image: string, values: object = {}) => {
    const data = {
      ...place(project, stage),
      valuesCanary: { image, ...values },
      canary: { action: 'set', value: 100 },
    };
    return world.send(configurationChange, data);
  };
  const deliver = async (project: string, stage: string, image: string): Promise<string> => {
    const context = await send(project, stage, image);
    await until(`${image} is deployed`, () => world.events(context, deploymentFinished).length > 0, 60);
    return context;
  };
  const end = async (context: string) => {
    await until('it has ended', () => world.events(context, deliveryFinished).length > 0, 60);
    return world.events(context, deliveryFinished)[0]?.data;
  };
  /** With nothing more to come: the stage is free. */
  const settled = async (project: string, stage: string, tag: string): Promise<void> => {
    const context = await deliver(project, stage, tag);
    const data = { ...place(project, stage), canary: { action: 'promote' } };
    await world.send(configurationChange, data, { shkeptncontext: context });
    await end(context);
  };
  const image = (namespace: string, name = 'carts'): Promise<string> =>
    api.kubectl('get', 'deployment', name, '-n', namespace, '-o', 'jsonpath={.spec.template.spec.containers[0].image}');
  const state = async (project: string, stage: string): Promise<string> => {
    const args = [
      'status',
      `${project}-${stage}-carts`,
      '-n',
      `${project}-${stage}`,
      '-o',
      'json',
      '--kubeconfig',
      api.kubeconfig,
    ];
    const { stdout } = await run(helm, args);
    return (JSON.parse(stdout) as { info: { status: string } }).info.status;
  };

  it('says how many pods are ready', async () => {
    const project = await world.project(shipyard, tinyChart('carts'));
    const context = await deliver(project, 'dev', 'carts:1');
    expect(world.lines(context)).to.include('carts: 1 of 1 pods ready');
  });

  describe('that fails', () => {
    for (const [what, prepare, values, reason, sentence] of [
      ['no node has room', undefined, { cpu: '1000' }, 'Unschedulable', /0\/3 nodes are available: 3 Insufficient cpu/],
      ['the quota is used up', 'quota', {}, 'FailedCreate', /exceeded quota: none/],
    ] as const) {
      it(`because ${what} ends with what Kubernetes says, and leaves cluster and Git as they were`, async function () {
        this.timeout(90_000);
        const project = await world.project(shipyard, tinyChart('carts'));
        await settled(project, 'dev', 'carts:1');
        const namespace = `${project}-dev`;
        if (prepare === 'quota') await api.kubectl('create', 'quota', 'none', '--hard=pods=1', '-n', namespace);
        const context = await send(project, 'dev', 'carts:2', values);
        const data = await end(context);
        expect(data).to.deep.include({ result: 'fail', reason, image: 'carts:2' });
        expect(textIn(data, 'message')).to.match(sentence);
        expect(world.lines(context).join('\n')).to.match(sentence);
        expect(await image(namespace)).to.equal('carts:1');
        expect(await state(project, 'dev')).to.equal('deployed');
        expect(await world.read(place(project, 'dev'), 'helm/carts/values.yaml')).to.include('image: carts:1');
        expect(await world.read(place(project, 'dev'), 'helm/carts/values.yaml')).to.not.include('cpu');
      });
    }

    it('because an image cannot be pulled ends with that, and leaves nothing of a first installation', async function () {
      this.timeout(90_000);
      const project = await world.project(shipyard, tinyChart('carts'));
      // No node takes it, so that the test can say what a kubelet would.
      const context = await send(project, 'dev', 'carts:none', { cpu: '1000' });
      const pods = ['get', 'pods', '-n', `${project}-dev`, '-o', 'name'];
      await until('there is a pod', async () => (await api.kubectl(...pods).catch(() => '')) !== '', 20);
      const name = (await api.kubectl(...pods)).trim();
      const waiting = { reason: 'ImagePullBackOff', message: 'Back-off pulling image "carts:none"' };
      const containerStatuses = [
        { name: 'app', image: 'x', imageID: '', ready: false, restartCount: 0, state: { waiting } },
      ];
      const status = { conditions: [{ type: 'PodScheduled', status: 'True' }], containerStatuses };
      await until(
        'the kubelet has told',
        async () => {
          const args = [
            '-n',
            `${project}-dev`,
            '--subresource=status',
            '--type=strategic',
            '-p',
            JSON.stringify({ status }),
          ];
          await api.kubectl('patch', name, ...args);
          return world.lines(context).some((line) => line.includes('ImagePullBackOff'));
        },
        20,
      );
      const data = await end(context);
      expect(data).to.have.property('result', 'fail');
      expect(world.lines(context).join('\n')).to.include('Back-off pulling image "carts:none"');
      expect(await image(`${project}-dev`).catch(String)).to.include('not found');
    });
  });

  it('that is aborted is rolled back within seconds, in the cluster and in Git', async function () {
    this.timeout(90_000);
    const project = await world.project(shipyard, tinyChart('carts'));
    await settled(project, 'dev', 'carts:1');
    const context = await send(project, 'dev', 'carts:2', { hold: true });
    await until('it is at work', async () => (await image(`${project}-dev`)) === 'carts:2', 20);
    await world.send(deliveryAbort, { project, service: 'carts' }, { shkeptncontext: context });
    await until(
      'it is aborted',
      () => world.lines(context).some((line) => line.includes('aborted, and rolled back')),
      30,
    );
    expect(await image(`${project}-dev`)).to.equal('carts:1');
    expect(await state(project, 'dev')).to.equal('deployed');
    expect(await world.read(place(project, 'dev'), 'helm/carts/values.yaml')).to.include('image: carts:1');
    expect(world.events(context, deploymentFinished)).to.have.length(0);
  });

  it('takes a release that was left in pending-upgrade out of it', async function () {
    this.timeout(90_000);
    const project = await world.project(shipyard, tinyChart('carts'));
    await settled(project, 'dev', 'carts:1');
    // A helm that was killed: its last record says that it is at work.
    const secret = `sh.helm.release.v1.${project}-dev-carts.v1`;
    const namespace = `${project}-dev`;
    const record = JSON.parse(await api.kubectl('get', 'secret', secret, '-n', namespace, '-o', 'json')) as {
      data: { release: string };
    };
    const pending = asPending(record.data.release);
    const name = secret.replace(/v1$/, 'v2');
    const labels = { name: `${project}-dev-carts`, owner: 'helm', status: 'pending-upgrade', version: '2' };
    const object = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, labels },
      type: 'helm.sh/release.v1',
      data: { release: pending },
    };
    const file = join(world.directory, 'pending.json');
    await writeFile(file, JSON.stringify(object));
    await api.kubectl('create', '-n', namespace, '-f', file);
    expect(await state(project, 'dev')).to.equal('pending-upgrade');
    await deliver(project, 'dev', 'carts:2');
    expect(await state(project, 'dev')).to.equal('deployed');
    expect(await image(namespace)).to.equal('carts:2');
  });

  it('is tried again where its namespace was deleted meanwhile', async function () {
    this.timeout(90_000);
    const deployer = new ClusterDeployer({
      ...{ program: helm, version: 'v3', kubeconfig: api.kubeconfig },
      ...{ timeoutSeconds: 60, patienceSeconds: 3 },
    });
    const files = Object.entries(tinyChart('carts')).map(
      ([path, text]) => [path.replace('helm/carts/', ''), text] as const,
    );
    const chart = { name: 'carts', files: new Map(files) };
    const release = { name: 'gone-carts', namespace: 'gone', chart, values: { image: 'carts:1' } };
    const watching = { signal: AbortSignal.timeout(60_000), progress: () => undefined };
    await deployer.ensureNamespace('gone', false);
    await api.kubectl('delete', 'namespace', 'gone');
    const error: unknown = await deployer.upgrade(release, watching).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(Transient);
    await deployer.ensureNamespace('gone', false);
    await deployer.upgrade(release, watching);
    expect(await image('gone')).to.equal('carts:1');
  });

  it('points the Service at the primary where there is no mesh, and says that it does', async function () {
    this.timeout(90_000);
    const project = await world.project(shipyard, tinyChart('carts'));
    const selector = async (): Promise<string> =>
      api.kubectl('get', 'service', 'carts', '-n', `${project}-staging`, '-o', 'jsonpath={.spec.selector.app}');
    const context = await deliver(project, 'staging', 'carts:1');
    expect(world.lines(context)).to.include(
      'Istio is not installed in this cluster: plain Services move all of its traffic at once',
    );
    expect(await selector()).to.equal('carts');
    await world.send(
      configurationChange,
      { ...place(project, 'staging'), canary: { action: 'promote' } },
      { shkeptncontext: context },
    );
    expect(await end(context)).to.deep.include({ result: 'pass' });
    expect(await selector()).to.equal('carts-primary');
    expect(await image(`${project}-staging`, 'carts-primary')).to.equal('carts:1');
  });

  it('waits for the cluster where it is away, and goes on', async function () {
    this.timeout(120_000);
    const project = await world.project(shipyard, tinyChart('carts'));
    await api.killApiServer();
    const context = await send(project, 'dev', 'carts:1');
    await until('it tries again', () => world.lines(context).some((line) => line.includes('will try')), 60);
    await sleep(500);
    await api.startAgain();
    await until('it is deployed', () => world.events(context, deploymentFinished).length > 0, 60);
  });

  it('has weights where the cluster has the Gateway API', async function () {
    this.timeout(90_000);
    await api.kubectl('apply', '-f', 'test/fixtures/gateway-api.yaml');
    await api.kubectl('wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all');
    const fresh = await startInProcess(({ configuration, history }) => [
      helmService({
        ...{ configuration, history, parallel: 2 },
        deployer: new ClusterDeployer({
          ...{ program: helm, version: 'v3', kubeconfig: api.kubeconfig, timeoutSeconds: 60, patienceSeconds: 3 },
        }),
        routes: { domain: 'keptn.example', gateway: 'infra/edge' },
      }),
    ]);
    const other = await fresh.project(shipyard, tinyChart('carts'));
    const data = {
      ...place(other, 'staging'),
      valuesCanary: { image: 'carts:1' },
      canary: { action: 'set', value: 30 },
    };
    const context = await fresh.send(configurationChange, data);
    await until('it is deployed', () => fresh.events(context, deploymentFinished).length > 0, 60);
    const route = await api.kubectl('get', 'httproute', 'carts', '-n', `${other}-staging`, '-o', 'jsonpath={.spec}');
    expect(JSON.parse(route)).to.deep.equal({
      parentRefs: [{ name: 'edge', namespace: 'infra' }],
      hostnames: [`carts.${other}-staging.keptn.example`],
      rules: [
        {
          backendRefs: [
            { name: 'carts-canary', port: 80, weight: 30 },
            { name: 'carts-primary', port: 80, weight: 70 },
          ],
        },
      ],
    });
    await fresh.close();
  });
});

/** Helm's record of a release, base64 of base64 of gzip of JSON, as its next revision that never came to an end. */
function asPending(record: string): string {
  const packed = Buffer.from(Buffer.from(record, 'base64').toString('utf8'), 'base64');
  const release = JSON.parse(gunzipSync(packed).toString('utf8')) as { version: number; info: { status: string } };
  release.version = 2;
  release.info.status = 'pending-upgrade';
  return Buffer.from(gzipSync(JSON.stringify(release)).toString('base64')).toString('base64');
}
