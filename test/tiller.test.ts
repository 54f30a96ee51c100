/** Tiller on a real API server: what helm.version v2 brings, what it may do there, and that v3 takes it away. */
import { expect } from 'chai';
import { componentsOf } from '../lib/installation/desired.ts';
import type { Installation, KubeObject } from '../lib/installation/installation.ts';
import { operatorObjects } from '../lib/installation/operator.ts';
import { keptnDefinition } from '../lib/model/keptn.ts';
import { startApiServer, type ApiServer } from './launch/api-server.ts';
import { installIstioKinds, startNodes } from './launch/nodes.ts';
import { applyObjects } from './launch/objects.ts';

const installationWith = (helm: object): Installation => ({
  ...{ namespace: 'keptn', image: 'keptn:test', ingress: 'None', secretsDigest: '' },
  spec: keptnDefinition.spec.parse({ helm }),
});
const objectsWith = (helm: object): KubeObject[] =>
  componentsOf(installationWith(helm)).flatMap(({ objects }) => objects);
const isTiller = ({ metadata }: KubeObject): boolean => metadata.labels?.['app.kubernetes.io/name'] === 'tiller-deploy';
const helmService = (helm: object): string =>
  JSON.stringify(
    objectsWith(helm).find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'helm-service'),
  );

describe('Tiller', () => {
  const v2 = { version: 'v2', namespaces: ['shop-dev', 'shop-prod'] };
  let api: ApiServer;
  let controllers: { stop(): Promise<void> };
  before(async function () {
    this.timeout(120_000);
    api = await startApiServer();
    // They gather the rules of helm-service's role.
    controllers = await startNodes(api);
    await installIstioKinds(api);
    for (const namespace of [...v2.namespaces, 'other']) await api.kubectl('create', 'namespace', namespace);
    await applyObjects(api, operatorObjects({ namespace: 'keptn', image: 'keptn:test' }));
    // By the rights of the operator: it may give away no more than it should.
    const operator = '--as=system:serviceaccount:keptn:keptn-operator';
    await applyObjects(api, objectsWith(v2).filter(isTiller), operator);
  });
  after(async () => {
    await controllers.stop();
    await api.stop();
  });

  const who = ['--as', 'system:serviceaccount:keptn:tiller'];
  const may = async (verb: string, what: string, namespace: string): Promise<boolean> => {
    // `no` is an error for kubectl.
    const said = await api.kubectl('auth', 'can-i', verb, what, ...who, '-n', namespace).catch(() => 'no');
    return said.trim() === 'yes';
  };
  // A namespace is in itself for those who have rights in it; `can-i` takes it for one without.
  const sees = (namespace: string): Promise<boolean> =>
    api.kubectl('get', 'namespace', namespace, ...who).then(
      () => true,
      () => false,
    );

  it('is no part of an installation, unless it has helm.version v2', () => {
    expect(objectsWith({}).filter(isTiller)).to.deep.equal([]);
    expect(objectsWith({ version: 'v3', namespaces: ['shop-dev'] }).filter(isTiller)).to.deep.equal([]);
    expect(objectsWith(v2).some(isTiller)).to.equal(true);
  });

  it('is found by helm-service at its address, without a way through the API server', () => {
    expect(helmService(v2)).to.include('{"name":"HELM_VERSION","value":"v2"}');
    expect(helmService(v2)).to.include('{"name":"TILLER_NAMESPACE","value":"keptn"}');
    expect(helmService(v2)).to.include('{"name":"HELM_HOST","value":"tiller-deploy.keptn:44134"}');
    expect(helmService({})).to.include('{"name":"HELM_VERSION","value":"v3"}').and.not.include('TILLER');
  });

  it('is what helm 2 looks for: the names, the labels and the version of 0.6.2', async () => {
    const image = 'jsonpath={.items[*].spec.template.spec.containers[*].image}';
    expect(await api.kubectl('-n', 'keptn', 'get', 'deployment', '-o', image)).to.include('tiller:v2.12.3');
    const labels = 'jsonpath={.spec.template.metadata.labels}';
    const pod = JSON.parse(
      await api.kubectl('-n', 'keptn', 'get', 'deployment', 'tiller-deploy', '-o', labels),
    ) as object;
    expect(pod).to.include({ app: 'helm', name: 'tiller' });
    const port = await api.kubectl(
      '-n',
      'keptn',
      'get',
      'service',
      'tiller-deploy',
      '-o',
      'jsonpath={.spec.ports[*].port}',
    );
    expect(port).to.equal('44134');
  });

  it('may change what charts have in the namespaces that are named, and in no other', async () => {
    for (const namespace of v2.namespaces) {
      expect(await may('create', 'deployments.apps', namespace), namespace).to.equal(true);
      expect(await may('patch', 'virtualservices.networking.istio.io', namespace), namespace).to.equal(true);
      // Before a release it looks whether its namespace is there.
      expect(await sees(namespace), namespace).to.equal(true);
      expect(await may('create', 'rolebindings.rbac.authorization.k8s.io', namespace), namespace).to.equal(false);
    }
    for (const namespace of ['keptn', 'other', 'kube-system', 'default']) {
      expect(await may('create', 'deployments.apps', namespace), namespace).to.equal(false);
      expect(await may('get', 'secrets', namespace), namespace).to.equal(false);
    }
    expect(await sees('other')).to.equal(false);
    expect(await may('create', 'namespaces', 'keptn')).to.equal(false);
  });

  it('may keep its releases, which are ConfigMaps of the namespace of Keptn', async () => {
    for (const verb of ['create', 'get', 'list', 'update', 'delete'])
      expect(await may(verb, 'configmaps', 'keptn'), verb).to.equal(true);
    expect(await may('get', 'configmaps', 'other')).to.equal(false);
  });

  it('runs under the restricted pod security standard', async () => {
    const template = 'jsonpath={.spec.template}';
    const found = JSON.parse(
      await api.kubectl('-n', 'keptn', 'get', 'deployment', 'tiller-deploy', '-o', template),
    ) as KubeObject;
    const pod = { ...found, apiVersion: 'v1', kind: 'Pod', metadata: { name: 'tiller', namespace: 'keptn' } };
    await applyObjects(api, [pod], '--dry-run=server');
    const asRoot = structuredClone(pod) as unknown as { spec: { securityContext: { runAsNonRoot: boolean } } };
    asRoot.spec.securityContext.runAsNonRoot = false;
    const refused = await applyObjects(api, [asRoot], '--dry-run=server').catch(String);
    expect(refused).to.include('violates PodSecurity "restricted');
  });
});
