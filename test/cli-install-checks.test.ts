/** What `keptn install` looks at before it changes anything, on a real API server; and what it takes of 0.6.2's flags. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse, stringify } from 'yaml';
import { root } from './launch/node-process.ts';
import { startInstallationWorld, storageClass, type InstallationWorld } from './launch/installation.ts';

describe('keptn install, before it begins,', () => {
  let world: InstallationWorld;
  before(async () => {
    world = await startInstallationWorld();
  });
  after(() => world.stop());

  const refused = async (code: number, ...args: string[]): Promise<string> => {
    const ran = await world.keptn('install', ...args);
    expect(ran.code, ran.out + ran.err).to.equal(code);
    return ran.out + ran.err;
  };

  it('says all that would keep it from coming up, and changes nothing', async () => {
    const said = await refused(1, '--domain=keptn.invalid', '--ingress=Istio');
    expect(said).to.match(/^✓ +cluster +Kubernetes v1\.\d+/m);
    expect(said).to.match(/^✓ +permissions +you may make all that is needed$/m);
    expect(said).to.match(/^✓ +installation +none yet; \S+ is going to be in namespace keptn$/m);
    expect(said).to.match(/^✗ +storage +there is no default StorageClass.*--storage-class=<name>/m);
    expect(said).to.match(/^✗ +ingress +spec.ingress.type is Istio, which the cluster does not have/m);
    expect(said).to.match(
      /^! +domain +DNS does not know api.keptn.keptn.invalid .*: let \*\.keptn\.keptn\.invalid be/m,
    );
    expect(said).to.include('Error: not in order: storage, ingress');
    expect(await world.kubectl('get', 'crd', '-o', 'name')).to.equal('');
    expect(JSON.parse((await world.keptn('install', '-o', 'json')).out)).to.have.nested.property(
      'checks[0].state',
      'fine',
    );
  });

  it('knows the StorageClass that is asked for from one that is not there', async () => {
    await world.apply({ ...storageClass, metadata: { name: 'slow' } });
    expect(await refused(1)).to.match(/^✗ +storage +.*\(there are slow\)/m);
    expect(await refused(1, '--storage-class=fast')).to.match(
      /^✗ +storage +spec.nats.storageClassName: there is no StorageClass fast; there are slow$/m,
    );
    await world.kubectl('delete', 'storageclass', 'slow');
  });

  it('names every permission that is missing', async () => {
    await world.kubectl('create', 'serviceaccount', 'reader', '-n', 'default');
    const limited = async (name: string): Promise<string> => {
      const token = (await world.kubectl('create', 'token', name, '-n', 'default')).trim();
      const config = parse(await readFile(world.api.kubeconfig, 'utf8')) as object;
      return world.file(name, stringify({ ...config, users: [{ name: 'keptn-local', user: { token } }] }));
    };
    const reader = await refused(1, `--kubeconfig=${await limited('reader')}`);
    expect(reader).to.match(/^✗ +permissions +you may not .*create customresourcedefinitions\.apiextensions\.k8s\.io/m);
    expect(reader).to.match(/patch deployments\.apps.*ask for the role cluster-admin/);
    await world.kubectl('create', 'serviceaccount', 'maker', '-n', 'default');
    await world.kubectl('create', 'clusterrole', 'maker', '--verb=get,list,create,patch', '--resource=*.*');
    await world.kubectl(
      'create',
      'clusterrolebinding',
      'maker',
      '--clusterrole=maker',
      '--serviceaccount=default:maker',
    );
    expect(await refused(1, `--kubeconfig=${await limited('maker')}`)).to.match(
      /^✗ +permissions +you may not give rights that you do not have/m,
    );
  });

  it('says which cluster does not answer, or does not take the credentials', async () => {
    const config = parse(await readFile(world.api.kubeconfig, 'utf8')) as { clusters: object[] };
    const clusters = [{ name: 'keptn-local', cluster: { server: 'https://127.0.0.1:1' } }];
    const away = await world.file('away', stringify({ ...config, clusters }));
    expect(await refused(3, `--kubeconfig=${away}`)).to.match(
      /^Error: the cluster of context keptn-local at https:\/\/127\.0\.0\.1:1 does not answer \(.+\): is it the right one\?/,
    );
    const users = [{ name: 'keptn-local', user: { token: 'none' } }];
    const stranger = await world.file('stranger', stringify({ ...config, users }));
    expect(await refused(4, `--kubeconfig=${stranger}`)).to.include("does not take the kubeconfig's credentials");
    expect(await refused(2, '--context=prod')).to.include('has no context prod, but keptn-local');
    expect(await refused(2, '--kubeconfig=/nowhere')).to.match(/--kubeconfig: .*\/nowhere/);
  });

  it('does not overwrite kinds of a newer version, nor begin a second installation', async () => {
    await world.apply(storageClass);
    await world.kubectl('apply', '-k', join(root, 'crds'));
    await world.kubectl('wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all');
    await world.kubectl('create', 'namespace', 'other');
    await world.apply({
      apiVersion: 'keptn.sh/v1alpha1',
      kind: 'Keptn',
      metadata: { name: 'keptn', namespace: 'other' },
      spec: {},
    });
    expect(await refused(1)).to.match(/^✗ +installation +there is one in namespace other already.*--namespace=other/m);
    await world.kubectl('delete', 'keptn/keptn', '-n', 'other');
    const stored = JSON.stringify({ status: { storedVersions: ['v1alpha1', 'v1beta1'] } });
    await world.kubectl('patch', 'crd', 'stages.keptn.sh', '--subresource=status', '--type=merge', '-p', stored);
    expect(await refused(1)).to.match(/^✗ +kinds +stages.keptn.sh has objects of v1beta1, .*: use the newer one$/m);
    const mended = JSON.stringify({ status: { storedVersions: ['v1alpha1'] } });
    await world.kubectl('patch', 'crd', 'stages.keptn.sh', '--subresource=status', '--type=merge', '-p', mended);
  });

  it('prints with --dry-run what a server takes, field for field', async () => {
    const ran = await world.keptn(
      'install',
      '--dry-run',
      '--domain=example.com',
      '-u',
      'quality-gates',
      '--image=example.com/keptn:1',
    );
    expect([ran.code, ran.err]).to.deep.equal([0, '']);
    expect(ran.out)
      .to.include('image: example.com/keptn:1')
      .and.match(/^ {2}useCases:\n {4}- quality-gates$/m);
    await world.kubectl('create', 'namespace', 'keptn');
    const path = await world.file('install.yaml', ran.out);
    const taken = await world.kubectl('apply', '--dry-run=server', '--validate=strict', '-f', path);
    expect(taken)
      .to.match(/^keptn\.keptn\.sh\/keptn created/m)
      .and.match(/^deployment\.apps\/keptn-operator created/m);
  });

  it("takes 0.6.2's flags, or says what to do instead", async () => {
    const taken = await world.keptn(
      'install',
      '--dry-run',
      '--platform=gke',
      '--use-case=all',
      '--ingress-install-option=Reuse',
    );
    expect([taken.code, taken.err]).to.deep.equal([0, '--platform: nothing depends on it any more\n']);
    expect(taken.out).to.include('- continuous-operations');
    for (const [flag, instead] of [
      ['--creds=creds.json', '--kubeconfig and --context'],
      ['--gateway=NodePort', 'how Istio or the ingress controller is installed'],
      ['--keptn-version=0.6.2', '--image names another'],
      ['--keptn-installer-image=x', 'there is no installer any more'],
      ['--insecure-skip-tls-verify', 'kubectl config set-cluster'],
      ['--ingress-install-option=Overwrite', 'is left alone'],
      ['--domain=Not_a_domain', 'spec.domain: must be a DNS name'],
      ['--use-case=everything', 'Allowed choices are all,'],
    ] as const) {
      expect(await refused(2, flag)).to.include(instead);
    }
  });

  it('refuses a file that is no Keptn object', async () => {
    const keptn = (metadata: object, spec: object): string =>
      stringify({ apiVersion: 'keptn.sh/v1alpha1', kind: 'Keptn', metadata, spec });
    const given = async (content: string): Promise<string> => refused(2, '-f', await world.file('keptn.yaml', content));
    expect(await given('a: [')).to.include('is no YAML');
    expect(await given('kind: Project\n'))
      .to.include('--values:')
      .and.include('kind');
    expect(await given(keptn({ name: 'keptn', namespace: 'ci' }, {}))).to.include('is for namespace ci');
    expect(await given(keptn({ name: 'keptn' }, { replicas: 9 }))).to.include('spec.replicas');
  });
});
