/** helm-service without a cluster: what it writes into Git, in which order deliveries come, and what it says of them. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { parse, parseAllDocuments } from 'yaml';
import { until } from '../lib/bus/contract-parts.ts';
import { packChart } from '../lib/chart/archive.ts';
import { eventTypes } from '../lib/events/event.ts';
import { DryRun } from '../services/helm-service/deployer/dry-run.ts';
import { helmService } from '../services/helm-service/handler.ts';
import { locate } from '../tools/real-parts/locate.ts';
import { startInProcess, type InProcess } from './launch/in-process.ts';

const { configurationChange, deploymentFinished, deliveryFinished, serviceCreate } = eventTypes;
const { deliveryAbort, deliveryPause, deliveryResume, evaluationDone } = eventTypes;

const shipyard = `stages:
  - { name: dev, deployment_strategy: direct, test_strategy: functional }
  - { name: staging, deployment_strategy: blue_green_service, test_strategy: performance }
`;
const chart = {
  'Chart.yaml': 'apiVersion: v2\nname: carts\nversion: 0.1.0\n',
  'values.yaml': '# of the carts\nimage: carts:0\nreplicaCount: 2 # enough\n',
  'templates/deployment.yaml': `apiVersion: apps/v1
kind: Deployment
metadata: { name: carts }
spec:
  replicas: {{ .Values.replicaCount }}
  selector: { matchLabels: { app: carts } }
  template:
    metadata:
      labels: { app: carts, keptn_deployment: {{ .Values.keptn.deployment }} }
      annotations: { note: '{{ "{{ kept }}" }}' }
    spec:
      containers:
        - name: carts
          image: {{ .Values.image }}
          env: [{ name: TAGS, value: 'keptn_deployment={{ .Values.keptn.deployment }}' }]
`,
  'templates/service.yaml': `apiVersion: v1
kind: Service
metadata: { name: carts }
spec:
  type: NodePort
  clusterIP: 10.96.0.17
  selector: { app: carts }
  ports: [{ name: http, port: 80, targetPort: 8080, nodePort: 30080 }]
`,
};
const inGit = Object.fromEntries(Object.entries(chart).map(([path, content]) => [`helm/carts/${path}`, content]));

describe('the helm-service', () => {
  let world: InProcess;
  before(async () => {
    const helm = await locate('helm');
    world = await startInProcess(({ configuration, history, directory }) => [
      helmService({
        configuration,
        history,
        deployer: new DryRun({ folder: join(directory, 'dry-run'), helm }),
        routes: { domain: 'keptn.example', gateway: 'istio-system/public-gateway' },
        parallel: 8,
      }),
    ]);
  });
  after(() => world.close());

  const place = (project: string, stage: string) => ({ project, stage, service: 'carts' });
  const artifact = (project: string, stage: string, image: string) => ({
    ...{ ...place(project, stage), valuesCanary: { image }, canary: { action: 'set', value: 100 } },
  });
  const end = (project: string, stage: string, action: 'promote' | 'discard', context: string, commit?: string) =>
    world.send(
      configurationChange,
      { ...place(project, stage), canary: { action } },
      { shkeptncontext: context, ...(commit !== undefined && { extensions: { gitcommitid: commit } }) },
    );
  const deliver = async (project: string, stage: string, image: string): Promise<string> => {
    const context = await world.send(configurationChange, artifact(project, stage, image));
    await world.event(context, deploymentFinished);
    return context;
  };
  const generated = async (project: string, file: string): Promise<unknown> => {
    const uri = `helm/carts-generated/templates/${file}`;
    return parse((await world.read(place(project, 'staging'), uri)) ?? '');
  };
  const weights = async (project: string): Promise<unknown> => {
    const { spec } = (await generated(project, 'carts-istio-virtualservice.yaml')) as {
      spec: { http: { route: { weight: number }[] }[] };
    };
    return spec.http[0]?.route.map(({ weight }) => weight);
  };
  /** What would have been applied last for a release. */
  const applied = async (release: string): Promise<{ kind: string; spec: Record<string, unknown> }[]> => {
    const text = await readFile(join(world.directory, 'dry-run', `${release}.yaml`), 'utf8');
    return parseAllDocuments(text).flatMap((document) => (document.toJS() as never) ?? []);
  };

  describe('at onboarding', () => {
    it('writes the chart and an empty generated one that names the strategy, in every stage, and knows them in the umbrella', async () => {
      const project = await world.project(shipyard);
      const files = Object.entries(chart).map(([path, content]) => ({ path, content: Buffer.from(content) }));
      const helmChart = Buffer.from(await packChart('carts', files)).toString('base64');
      const data = {
        project,
        service: 'carts',
        helmChart,
        deploymentStrategies: { '*': 'direct', staging: 'duplicate' },
      };
      const context = await world.send(serviceCreate, data);
      await until('told', () => world.lines(context).includes('Service carts created'));
      for (const [stage, strategy] of [
        ['dev', 'direct'],
        ['staging', 'duplicate'],
      ] as const) {
        expect(await world.read(place(project, stage), 'helm/carts/values.yaml')).to.equal(chart['values.yaml']);
        const meta: unknown = parse((await world.read(place(project, stage), 'helm/carts-generated/Chart.yaml')) ?? '');
        expect(meta).to.deep.include({ name: 'carts-generated', keywords: [`deployment_strategy=${strategy}`] });
        expect(parse((await world.read({ project, stage }, 'values.yaml')) ?? '')).to.deep.equal({
          carts: { enabled: false },
          'carts-generated': { enabled: false },
        });
        expect(parse((await world.read({ project, stage }, 'Chart.yaml')) ?? '')).to.deep.include({
          name: `${project}-umbrella`,
        });
      }
    });

    it('leaves a service without a chart alone', async () => {
      const project = await world.project(shipyard);
      const data = { project, service: 'carts', helmChart: '', deploymentStrategies: { dev: 'direct' } };
      const context = await world.send(serviceCreate, data);
      await until('told', () => world.lines(context).includes('Service carts created'));
      expect(await world.read(place(project, 'dev'), 'helm/carts-generated/Chart.yaml')).to.equal(undefined);
    });
  });

  describe('deploying', () => {
    it('changes the image alone in values.yaml, and says where the service is', async () => {
      const project = await world.project(shipyard, inGit);
      const context = await world.send(configurationChange, {
        ...artifact(project, '', 'host:5000/carts:1.0'),
        labels: { a: 'b' },
      });
      const { data, extensions = {} } = await world.event(context, deploymentFinished);
      expect(data).to.deep.equal({
        ...{ ...place(project, 'dev'), teststrategy: 'functional', deploymentstrategy: 'direct' },
        ...{ image: 'host:5000/carts', tag: '1.0', labels: { a: 'b' }, dryrun: true },
        deploymentURILocal: `http://carts.${project}-dev`,
        deploymentURIPublic: `http://carts.${project}-dev.keptn.example`,
      });
      const values = await world.read(place(project, 'dev'), 'helm/carts/values.yaml', extensions['gitcommitid']);
      expect(values).to.equal(chart['values.yaml'].replace('carts:0', 'host:5000/carts:1.0'));
    });

    it('tells a digest from a tag', async () => {
      const project = await world.project(shipyard, inGit);
      const digest = `sha256:${'a'.repeat(64)}`;
      const context = await deliver(project, 'dev', `carts@${digest}`);
      expect((await world.event(context, deploymentFinished)).data).to.deep.include({ image: 'carts', tag: digest });
    });

    it('makes the primary of a blue/green stage from what the canary renders to', async () => {
      const project = await world.project(shipyard, inGit);
      const context = await deliver(project, 'staging', 'carts:1.0');
      expect((await world.event(context, deploymentFinished)).data).to.deep.include({
        deploymentstrategy: 'blue_green_service',
        deploymentURILocal: `http://carts-canary.${project}-staging`,
      });
      const namespace = `${project}-staging`;
      const host = (name: string): string => `${name}.${namespace}.svc.cluster.local`;
      expect(await generated(project, 'carts-istio-virtualservice.yaml')).to.deep.equal({
        ...{ apiVersion: 'networking.istio.io/v1alpha3', kind: 'VirtualService', metadata: { name: 'carts' } },
        spec: {
          gateways: ['public-gateway.istio-system', 'mesh'],
          hosts: [`carts.${namespace}.keptn.example`, 'carts'],
          http: [
            {
              route: [
                { destination: { host: host('carts-canary') }, weight: 100 },
                { destination: { host: host('carts-primary') }, weight: 0 },
              ],
            },
          ],
        },
      });
      expect(await generated(project, 'carts-primary-istio-destinationrule.yaml')).to.deep.equal({
        ...{ apiVersion: 'networking.istio.io/v1alpha3', kind: 'DestinationRule' },
        ...{ metadata: { name: 'carts-primary' }, spec: { host: host('carts-primary') } },
      });
      const ports = [{ name: 'http', port: 80, targetPort: 8080 }];
      for (const [name, app] of [
        ['carts-canary', 'carts'],
        ['carts-primary', 'carts-primary'],
      ] as const) {
        expect(await generated(project, `${name}-service.yaml`)).to.deep.equal({
          ...{ apiVersion: 'v1', kind: 'Service', metadata: { name } },
          spec: { type: 'NodePort', selector: { app }, ports },
        });
      }
      const release = await applied(`${project}-staging-carts-generated`);
      const deployment = release.find(({ kind }) => kind === 'Deployment');
      expect(deployment?.spec).to.deep.equal({
        replicas: 2,
        selector: { matchLabels: { app: 'carts-primary' } },
        template: {
          metadata: {
            labels: { app: 'carts-primary', keptn_deployment: 'primary' },
            annotations: { note: '{{ kept }}' },
          },
          spec: {
            containers: [
              { name: 'carts', image: 'carts:1.0', env: [{ name: 'TAGS', value: 'keptn_deployment=primary' }] },
            ],
          },
        },
      });
    });

    for (const [what, files, reason] of [
      ['there is no chart', {}, 'ChartMissing: there is no Helm chart for carts in stage dev'],
      [
        'the chart does not render',
        { ...inGit, 'helm/carts/templates/service.yaml': '{{ .Values.missing.field }}' },
        'ChartInvalid: ',
      ],
    ] as const) {
      it(`ends the delivery with the reason where ${what}, and leaves Git as it was`, async () => {
        const project = await world.project(shipyard, files);
        const before = await world.read(place(project, 'dev'), 'helm/carts/values.yaml');
        const context = await world.send(configurationChange, artifact(project, 'dev', 'carts:1'));
        const { data } = await world.event(context, deliveryFinished);
        expect(data).to.deep.include({ stage: 'dev', result: 'fail' });
        expect(data).to.have.property('message').that.includes(reason);
        expect(await world.read(place(project, 'dev'), 'helm/carts/values.yaml')).to.equal(before);
      });
    }

    it('refuses files of a chart that lead out of it', async () => {
      const project = await world.project(shipyard, inGit);
      const data = { ...place(project, 'dev'), fileChangesUserChart: { 'templates/../../../x.yaml': 'a' } };
      const context = await world.send(configurationChange, data);
      expect((await world.event(context, deliveryFinished)).data)
        .to.have.property('message')
        .that.includes('fileChangesUserChart: templates/../../../x.yaml is neither');
    });
  });

  describe('ending a canary', () => {
    it('promotes what was tested, and leaves the canary without traffic and pods', async () => {
      const project = await world.project(shipyard, inGit);
      const context = await deliver(project, 'staging', 'carts:1.0');
      expect(await weights(project)).to.deep.equal([100, 0]);
      const commit = (await world.event(context, deploymentFinished)).extensions?.['gitcommitid'];
      // Somebody else changes Git meanwhile: it was not tested.
      await world.write(
        place(project, 'staging'),
        'helm/carts/values.yaml',
        'image: carts:untested\nreplicaCount: 2\n',
      );
      await end(project, 'staging', 'promote', context, commit);
      expect((await world.event(context, deliveryFinished)).data).to.deep.include({ result: 'pass' });
      expect(await weights(project)).to.deep.equal([0, 100]);
      const release = JSON.stringify(await applied(`${project}-staging-carts-generated`));
      expect(release).to.include('carts:1.0').and.not.include('untested');
      const canary = (await applied(`${project}-staging-carts`)).find(({ kind }) => kind === 'Deployment');
      expect(canary?.spec).to.deep.include({ replicas: 0 });
    });

    it('discards what has failed: the primary stays as it was', async () => {
      const project = await world.project(shipyard, inGit);
      const first = await deliver(project, 'staging', 'carts:1.0');
      await end(project, 'staging', 'promote', first);
      await world.event(first, deliveryFinished);
      const second = await deliver(project, 'staging', 'carts:2.0');
      expect(await weights(project)).to.deep.equal([100, 0]);
      await end(project, 'staging', 'discard', second);
      expect((await world.event(second, deliveryFinished)).data).to.deep.include({ result: 'fail' });
      expect(await weights(project)).to.deep.equal([0, 100]);
      expect(JSON.stringify(await generated(project, 'carts-primary-deployment.yaml'))).to.include('carts:1.0');
    });

    it('brings the last good version back where a service is deployed directly', async () => {
      const project = await world.project(shipyard, inGit);
      const good = await deliver(project, 'dev', 'carts:good');
      const data = { ...place(project, 'dev'), result: 'pass' };
      await world.send(evaluationDone, data, { shkeptncontext: good });
      await end(project, 'dev', 'promote', good);
      await world.event(good, deliveryFinished);
      const bad = await deliver(project, 'dev', 'carts:bad');
      await end(project, 'dev', 'discard', bad);
      expect((await world.event(bad, deliveryFinished)).data).to.deep.include({
        message: 'the version before is back',
      });
      expect(JSON.stringify(await applied(`${project}-dev-carts`))).to.include('carts:good');
    });
  });

  describe('with several deliveries of one service', () => {
    it('lets the newest in when the stage is free, and says of those between that they are superseded', async () => {
      const project = await world.project(shipyard, inGit);
      const first = await deliver(project, 'staging', 'carts:1');
      const second = await world.send(configurationChange, artifact(project, 'staging', 'carts:2'));
      await until('it waits', () => world.lines(second).some((line) => line.includes('waits')));
      const third = await world.send(configurationChange, artifact(project, 'staging', 'carts:3'));
      const { data } = await world.event(second, deliveryFinished);
      expect(data).to.deep.include({ result: 'superseded', reason: 'NewerArtifact' });
      expect(data).to.have.property('message').that.includes('superseded by carts:3');
      expect(world.events(third, deploymentFinished)).to.have.length(0);
      await end(project, 'staging', 'promote', first);
      await world.event(third, deploymentFinished);
      expect(JSON.stringify(await generated(project, 'carts-primary-deployment.yaml'))).to.include('carts:1');
    });

    it('does not hold up another stage, nor another service', async () => {
      const project = await world.project(shipyard, inGit);
      await deliver(project, 'staging', 'carts:1');
      await deliver(project, 'dev', 'carts:2');
    });

    it('ignores a promotion whose delivery has left the stage to a newer one', async () => {
      const project = await world.project(shipyard, inGit);
      const first = await deliver(project, 'staging', 'carts:1');
      await end(project, 'staging', 'discard', first);
      await world.event(first, deliveryFinished);
      await deliver(project, 'staging', 'carts:2');
      await end(project, 'staging', 'promote', first);
      await until('told', () =>
        world.lines(first).some((line) => line.includes('a newer delivery has taken its place')),
      );
      expect(await weights(project)).to.deep.equal([100, 0]);
    });
  });

  it('deploys what is paused when it is resumed, and once', async () => {
    const project = await world.project(shipyard, inGit);
    const context = randomUUID();
    const control = { project, service: 'carts' };
    await world.send(deliveryPause, control, { shkeptncontext: context });
    await world.history.wait({ keptnContext: context, type: deliveryPause });
    await world.send(configurationChange, artifact(project, 'dev', 'carts:1'), { shkeptncontext: context });
    await until('it is paused', () => world.lines(context).some((line) => line.includes('is paused before dev')));
    for (const _ of [1, 2]) {
      void _;
      await world.send(deliveryResume, control, { shkeptncontext: context });
      await world.event(context, deploymentFinished);
      await world.history.wait({ keptnContext: context, type: deploymentFinished });
    }
    await sleep(300);
    expect(world.events(context, deploymentFinished)).to.have.length(1);
  });

  it('does not deploy what was aborted while it waited', async () => {
    const project = await world.project(shipyard, inGit);
    const context = randomUUID();
    await world.send(deliveryAbort, { project, service: 'carts' }, { shkeptncontext: context });
    await world.history.wait({ keptnContext: context, type: deliveryAbort });
    await world.send(configurationChange, artifact(project, 'dev', 'carts:1'), { shkeptncontext: context });
    await until('told', () => world.lines(context).some((line) => line.includes('the delivery was aborted')));
    expect(world.events(context, deploymentFinished)).to.have.length(0);
  });

  it('deploys an event that comes twice once', async () => {
    const project = await world.project(shipyard, inGit);
    const further = { id: randomUUID(), shkeptncontext: randomUUID() };
    for (const _ of [1, 2]) {
      void _;
      await world.send(configurationChange, artifact(project, 'dev', 'carts:1'), further);
      await world.event(further.shkeptncontext, deploymentFinished);
    }
    await sleep(300);
    expect(world.events(further.shkeptncontext, deploymentFinished)).to.have.length(1);
  });

  it('tests a change by the remediation-service as real users do', async () => {
    const project = await world.project(shipyard, inGit);
    const first = await deliver(project, 'staging', 'carts:1');
    await end(project, 'staging', 'promote', first);
    await world.event(first, deliveryFinished);
    const file = 'templates/carts-primary-deployment.yaml';
    const now = await world.read(place(project, 'staging'), `helm/carts-generated/${file}`);
    const data = {
      ...place(project, 'staging'),
      fileChangesGeneratedChart: { [file]: now?.replace('replicas: 2', 'replicas: 3') },
    };
    const source = 'https://github.com/keptn/keptn/remediation-service';
    const context = await world.send(configurationChange, data, { source });
    expect((await world.event(context, deploymentFinished)).data).to.deep.include({
      teststrategy: 'real-user',
      deploymentURILocal: `http://carts-primary.${project}-staging`,
    });
    expect(await generated(project, 'carts-primary-deployment.yaml')).to.have.nested.property('spec.replicas', 3);
  });

  it('changes the umbrella chart of a stage', async () => {
    const project = await world.project(shipyard, inGit);
    await world.send(serviceCreate, { project, service: 'carts' });
    await deliver(project, 'dev', 'carts:1');
    const quota = 'apiVersion: v1\nkind: ResourceQuota\nmetadata: { name: all }\n';
    const changes = { '/templates/quota.yaml': quota };
    const data = { ...place(project, 'dev'), fileChangesUmbrellaChart: changes };
    const context = await world.send(configurationChange, data);
    await world.event(context, deploymentFinished);
    expect(await applied(`${project}-dev`)).to.deep.include({
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'all' },
    });
  });
});
