import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { NAMESPACE, startInstaller, type Installer } from './launch/installer.ts';

const statusSchema = z.object({
  status: z.object({
    version: z.string().optional(),
    components: z.string().optional(),
    domain: z.string().optional(),
    url: z.string().optional(),
    conditions: z.array(z.object({ type: z.string(), status: z.string(), reason: z.string(), message: z.string() })),
  }),
});
type Status = z.infer<typeof statusSchema>['status'];

const image = 'example.com/keptn:1.0.0';

describe('a Keptn object', () => {
  let world: Installer;
  const status = async (namespace = NAMESPACE): Promise<Status> =>
    statusSchema.parse(JSON.parse(await world.kubectl('-n', namespace, 'get', 'keptns.keptn.sh/keptn', '-o', 'json')))
      .status;
  const condition = (found: Status, type: string) => found.conditions.find((one) => one.type === type);
  const names = async (kind: string): Promise<string[]> =>
    (await world.kubectl('get', kind, '-l', 'app.kubernetes.io/part-of=keptn', '-o', 'name'))
      .split('\n')
      .filter(Boolean);
  const field = (name: string, path: string): Promise<string> =>
    world.kubectl('get', name, '-o', `jsonpath={${path}}`).catch(() => '');
  const until = async (what: string, test: () => Promise<boolean>): Promise<void> => {
    for (const deadline = Date.now() + 60_000; !(await test()); await sleep(200))
      if (Date.now() > deadline)
        throw new Error(`not in a minute: ${what}\n${JSON.stringify(await status(), null, 2)}`);
  };

  before(async () => {
    world = await startInstaller();
  });
  after(() => world.stop());

  it('brings up an installation, with a condition for each component', async () => {
    await world.declare({ image });
    await world.ready();
    const found = await status();
    expect(found.components).to.equal(`${found.conditions.length - 1}/${found.conditions.length - 1}`);
    expect(found.version).to.equal('1.0.0');
    expect(found.conditions.map(({ type }) => type)).to.include.members([
      ...['KeptnNatsCluster', 'Mongodb', 'ConfigurationService', 'MongodbDatastore', 'Eventbroker', 'ApiService'],
      ...['Bridge', 'HelmService', 'RemediationService', 'Ingress', 'Ready'],
    ]);
    expect(condition(found, 'HelmService')?.message).to.equal('1 of 1 pods ready');
    expect(condition(found, 'Ingress')?.message).to.contain('spec.domain is not set');
    expect(await world.kubectl('get', 'keptns.keptn.sh')).to.match(/VERSION\s+COMPONENTS.*\n.*1\.0\.0\s+\d+\/\d+/);
    expect((await field('secret/keptn-api-token', '.data.keptn-api-token')).length).to.be.greaterThan(32);
  });

  it('changes nothing where all is as declared, also after the operator was killed', async () => {
    const versions = (): Promise<string> =>
      world.kubectl(
        'get',
        'deploy,sts,svc,cm,sa,netpol,rolebinding,pvc',
        '-o',
        'jsonpath={.items[*].metadata.resourceVersion}',
      );
    const before = await versions();
    await world.operator.end('SIGKILL');
    await world.operator.start();
    await until('reconciled again', async () => (await world.successes('keptn')) > 0);
    expect(await versions()).to.equal(before);
  });

  it('puts back a Deployment that somebody deletes or edits', async () => {
    await world.kubectl('delete', 'deployment/gatekeeper-service');
    await until(
      'made again',
      async () => (await field('deployment/gatekeeper-service', '.status.readyReplicas')) === '1',
    );
    await world.kubectl('set', 'image', 'deployment/gatekeeper-service', 'gatekeeper-service=example.com/other:1');
    await world.kubectl('scale', 'deployment/wait-service', '--replicas=0');
    await until(
      'as declared again',
      async () =>
        (await field('deployment/gatekeeper-service', '.spec.template.spec.containers[0].image')) === image &&
        (await field('deployment/wait-service', '.spec.replicas')) === '1',
    );
    await world.ready();
  });

  it('changes the installation when it is changed, and takes away what is not wanted any more', async () => {
    await world.kubectl('create', '-f', 'test/fixtures/ingress-class.yaml');
    const services = [{ name: 'chat', image: 'example.com/chat:1', topics: ['sh.keptn.events.evaluation-done'] }];
    await world.declare({
      ...{ image: 'example.com/keptn:2.0.0', useCases: ['quality-gates'], domain: 'keptn.example', services },
      env: { 'lighthouse-service': { LOG_LEVEL: 'debug' } },
    });
    await until('the new version', async () => (await status()).version === '2.0.0');
    await world.ready();
    const deployments = await names('deployments');
    expect(deployments).to.include('deployment.apps/chat');
    expect(deployments).not.to.include('deployment.apps/helm-service');
    expect(await names('serviceaccounts')).not.to.include('serviceaccount/helm-service');
    expect(await names('clusterrolebindings')).not.to.include(
      'clusterrolebinding.rbac.authorization.k8s.io/keptn-keptn-helm-service',
    );
    expect(await field('deployment/lighthouse-service', '.spec.template.spec.containers[0].env[-1:].value')).to.equal(
      'debug',
    );
    expect(await field('configmap/keptn-domain', '.data.app_domain')).to.equal('keptn.example');
    expect(await field('ingress/keptn', '.spec.rules[*].host')).to.contain('bridge.keptn.keptn.example');
    expect((await status()).url).to.equal('https://bridge.keptn.keptn.example');
  });

  it('tells why a component is not ready, and which one the API server refuses', async () => {
    await world.declare({
      ...{ image, useCases: ['quality-gates'], nats: { storageClassName: 'none-such', storage: '2Gi' } },
      env: { 'lighthouse-service': { 'NOT A NAME=': 'x' } },
    });
    await until('refused', async () => condition(await status(), 'LighthouseService')?.reason === 'Rejected');
    const found = await status();
    expect(condition(found, 'LighthouseService')?.message).to.contain('env');
    expect(condition(found, 'Ready')?.status).to.equal('False');
    expect(condition(found, 'Ready')?.message).to.match(/^keptn-nats-cluster: cannot apply StatefulSet/);
    expect(condition(found, 'KeptnNatsCluster')?.reason).to.equal('Rejected');
    await until('the others ready', async () => condition(await status(), 'Bridge')?.status === 'True');
  });

  it('is refused outside the namespace of the operator, by another name, and with what cannot work', async () => {
    await world.kubectl('create', 'namespace', 'elsewhere');
    await world.apply({
      apiVersion: 'keptn.sh/v1alpha1',
      kind: 'Keptn',
      metadata: { name: 'keptn', namespace: 'elsewhere' },
      spec: {},
    });
    await until('refused', async () => {
      const found = await status('elsewhere').catch(() => undefined);
      return found !== undefined && condition(found, 'Ready')?.reason === 'Forbidden';
    });
    expect(condition(await status('elsewhere'), 'Ready')?.message).to.contain('declare it in keptn');
    await world.kubectl('-n', 'elsewhere', 'delete', 'keptns.keptn.sh/keptn', '--timeout=30s');
    const refusal = async (object: object): Promise<string> =>
      world.apply({ apiVersion: 'keptn.sh/v1alpha1', kind: 'Keptn', ...object }).then(
        () => '',
        (error: unknown) => String(error),
      );
    expect(await refusal({ metadata: { name: 'other', namespace: NAMESPACE }, spec: {} })).to.contain('must be keptn');
    const named = { metadata: { name: 'keptn', namespace: NAMESPACE } };
    expect(await refusal({ ...named, spec: { ingress: { type: 'Ingress' } } })).to.contain('spec.domain must be given');
    expect(await refusal({ ...named, spec: { useCases: ['everything'] } })).to.contain('useCases');
  });

  it('goes with all it made when it is deleted; what keeps data stays', async () => {
    await world.kubectl('delete', 'keptns.keptn.sh/keptn', '--timeout=60s');
    expect(await names('deploy,sts,svc,cm,sa,netpol,ingress')).to.deep.equal([]);
    expect(await names('pvc')).to.have.length.greaterThan(0);
    expect(await names('secret')).to.have.length(2);
  });

  it('begins again with the data of before, and with deletionPolicy Delete leaves nothing', async () => {
    const token = await field('secret/keptn-api-token', '.data.keptn-api-token');
    await world.declare({ image, useCases: ['quality-gates'], deletionPolicy: 'Delete' });
    await world.ready();
    expect(await field('secret/keptn-api-token', '.data.keptn-api-token')).to.equal(token);
    await world.kubectl('delete', 'keptns.keptn.sh/keptn', '--timeout=60s');
    expect(await names('deploy,sts,svc,cm,sa,netpol,pvc,secret,clusterrolebinding')).to.deep.equal([]);
  });

  it('is brought about though the operator is killed in the middle', async () => {
    await world.operator.end('SIGKILL');
    await world.operator.start({ KEPTN_CRASH_AT: 'Keptn/applied' });
    await world.declare({ image, useCases: ['quality-gates'] });
    await world.operator.ended();
    await world.operator.start({ KEPTN_CRASH_AT: '' });
    await world.ready();
  });

  it('says what the API server forbids it, and goes on when it may', async () => {
    await world.kubectl('delete', 'keptns.keptn.sh/keptn', '--timeout=60s');
    await world.operator.end('SIGKILL');
    const may = (verbs: string[]) =>
      world.apply({
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRole',
        metadata: { name: 'all-but' },
        rules: [
          { apiGroups: ['', 'apps', 'batch', 'policy', 'keptn.sh'], resources: ['*'], verbs: ['*'] },
          { apiGroups: ['rbac.authorization.k8s.io', 'coordination.k8s.io'], resources: ['*'], verbs: ['*'] },
          { apiGroups: ['events.k8s.io', 'storage.k8s.io'], resources: ['*'], verbs: ['*'] },
          { apiGroups: ['networking.k8s.io'], resources: ['*'], verbs },
        ],
      });
    await may(['get', 'list', 'watch']);
    await world.kubectl('create', 'clusterrolebinding', 'all-but', '--clusterrole=all-but', '--user=limited');
    await world.operator.start({ KUBECONFIG: await world.kubeconfigAs('limited') });
    await world.declare({ image, useCases: ['quality-gates'] });
    const said = () => field('keptns.keptn.sh/keptn', '.status.conditions[?(@.type=="Ready")].message');
    await until('it says so', async () => / is forbidden: User "limited" .* "networkpolicies"/.test(await said()));
    await may(['*']);
    await world.ready();
  });
});
