/** `keptn install` and what follows it, on a real API server; what an operator would say of components is written by the test. */
import { expect } from 'chai';
import { parse } from 'yaml';
import { ownVersion } from '../lib/observe/version.ts';
import { startInstallationWorld, storageClass, type InstallationWorld } from './launch/installation.ts';
import type { Ran } from './launch/keptn.ts';
import { until } from './launch/standalone.ts';

const version = ownVersion();

describe('keptn install', () => {
  let world: InstallationWorld;
  before(async () => {
    world = await startInstallationWorld();
    await world.apply(storageClass);
  });
  after(() => world.stop());

  const kubectl = (...args: string[]): Promise<string> => world.kubectl('-n', 'keptn', ...args);
  const spec = async (): Promise<unknown> => JSON.parse(await kubectl('get', 'keptn/keptn', '-o', 'jsonpath={.spec}'));
  const done = async (...args: string[]): Promise<Ran> => {
    const ran = await world.keptn(...args);
    expect(ran.code, `keptn ${args.join(' ')}: ${ran.out}${ran.err}`).to.equal(0);
    return ran;
  };
  const isThere = (...what: string[]): Promise<boolean> =>
    kubectl('get', ...what).then(
      () => true,
      () => false,
    );
  const operatorImage = (): Promise<string> =>
    kubectl('get', 'deployment/keptn-operator', '-o', 'jsonpath={.spec.template.spec.containers[0].image}');

  it('goes on where Ctrl-C has ended it', async () => {
    const begun = world.start(['install', '--no-wait']);
    await until('it has begun', () => begun.ran.err.includes('CustomResourceDefinition keptns.keptn.sh created'), 60);
    begun.child.kill('SIGINT');
    expect((await begun.ended).code).to.equal(130);
    expect(await isThere('keptn/keptn')).to.equal(false);
  });

  it('tells of each component as it becomes ready, what to do about one that is stuck, and what comes next', async () => {
    const args = ['install', '--domain=keptn.invalid', '-u', 'quality-gates', '--timeout=120'];
    const { ran, ended } = world.start(args);
    await until('the object is there', () => isThere('keptn/keptn'), 60);
    await world.apply({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'data-mongodb-0', namespace: 'keptn' },
      spec: {
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'standard',
        resources: { requests: { storage: '1Gi' } },
      },
    });
    await world.tells({
      KeptnNatsCluster: 'Ready',
      Mongodb: ['Unschedulable', '0 of 1 pods ready; pod mongodb-0: unbound volumes'],
      ApiService: ['ImagePullBackOff', '0 of 1 pods ready; pod api-service-1, container api: not found'],
      Bridge: ['Progressing', '0 of 1 pods ready'],
    });
    await until('stuck ones are told', () => ran.err.includes('! api-service'), 30);
    expect(ran.err).to.match(/^✓ keptn-nats-cluster is ready \(\d of 5\)$/m);
    expect(ran.err).to.match(
      /^! mongodb: .*: volumes are pending: data-mongodb-0 \(StorageClass standard\); kubectl describe pvc -n keptn/m,
    );
    expect(ran.err).to.match(/^! api-service: .*not found: can the nodes pull it\? --image names another/m);
    await world.tells({ KeptnNatsCluster: 'Ready' }, {}, ['ReferenceMissing', 'waiting for Secret own with key uri']);
    await until(
      'what is of no component is told',
      () => ran.err.includes('! installation: waiting for Secret own'),
      30,
    );
    const facts = { version, domain: 'keptn.invalid', url: 'https://bridge.keptn.keptn.invalid', components: '4/4' };
    await world.tells({ KeptnNatsCluster: 'Ready', Mongodb: 'Ready', ApiService: 'Ready', Bridge: 'Ready' }, facts);
    const { code, out, err } = await ended;
    expect([code, err.match(/✓ bridge is ready \(5 of 5\)/)?.length], err).to.deep.equal([0, 1]);
    expect(out).to.match(/^the Bridge +https:\/\/bridge\.keptn\.keptn\.invalid$/m);
    expect(out).to.match(
      /^the command line +keptn auth --endpoint=https:\/\/api\.keptn\.keptn\.invalid --api-token="\$\(kubectl get secret -n keptn/m,
    );
    expect(await operatorImage()).to.match(new RegExp(`:${version}$`));
  });

  it('changes nothing the second time, nor forgets what its flags do not say', async () => {
    const versions = (): Promise<string> =>
      world.kubectl(
        ...['get', 'crd,clusterrole,clusterrolebinding,deployment,role,rolebinding,sa,namespace,keptns.keptn.sh', '-A'],
        ...['-o', 'jsonpath={range .items[*]}{.metadata.name} {.metadata.resourceVersion}{"\\n"}{end}'],
      );
    const before = await versions();
    const { out } = await done('install', '-o', 'json');
    expect(JSON.parse(out)).to.include({ outcome: 'unchanged', version, namespace: 'keptn' });
    expect(await versions()).to.equal(before);
    expect(await spec()).to.deep.include({ domain: 'keptn.invalid', useCases: ['quality-gates'] });
  });

  it('says what it still waits for when the time is over', async () => {
    await world.tells({ Bridge: ['CrashLoopBackOff', '0 of 1 pods ready'] });
    const { code, err } = await world.keptn('install', '--timeout=2');
    expect(code).to.equal(5);
    expect(err).to.match(
      /^Error: not ready within 2 s, and it goes on: keptn status\. .*bridge: 0 of 1 pods ready: kubectl logs -n keptn -l app\.kubernetes\.io\/name=bridge --previous$/m,
    );
  });

  it('is seen by keptn status and keptn doctor, component by component', async () => {
    const status = await world.keptn('status');
    expect([status.code, status.err]).to.have.nested.property('[0]', 4);
    expect(status.out).to.match(/^keptn-local\/keptn +\S+ +false +https/m);
    expect(status.out).to.match(/^bridge +false +CrashLoopBackOff +0 of 1 pods ready$/m);
    const json: unknown = JSON.parse((await world.keptn('status', '-o', 'json')).out);
    expect(json).to.have.nested.property('[0].installation.components[0].reason', 'CrashLoopBackOff');
    expect(parse((await world.keptn('status', '-o', 'yaml')).out)).to.deep.equal(json);
    const { out } = await world.keptn('doctor');
    expect(out)
      .to.match(/^✗ +credentials/m)
      .and.match(/^✓ +permissions/m);
    expect(out).to.match(/^! +bridge +0 of 1 pods ready: kubectl logs/m);
  });

  it('takes the whole object from a file, and another domain from keptn configure', async () => {
    const file = await world.file(
      'keptn.yaml',
      'apiVersion: keptn.sh/v1alpha1\nkind: Keptn\nmetadata: { name: keptn }\nspec: { replicas: 2, domain: a.invalid }\n',
    );
    await done('install', '-f', file, '--no-wait');
    expect(await spec()).to.deep.include({ replicas: 2, domain: 'a.invalid' });
    await done('configure', 'domain', 'b.invalid', '--no-wait');
    expect(await spec()).to.deep.include({ replicas: 2, domain: 'b.invalid' });
    const wrong = await world.keptn('configure', 'domain', 'B_', '--no-wait');
    expect([wrong.code, wrong.err]).to.deep.equal([2, 'Error: spec.domain: must be a DNS name in lower case\n']);
    const shown = await done('configure', 'domain', 'c.invalid', '--mock');
    expect(shown.out).to.equal('would send PATCH Keptn keptn/keptn {"spec":{"domain":"c.invalid"}}\n');
  });

  it('keeps an image of another repository until it is told another', async () => {
    await done('install', '--image=example.com/keptn:0.0.1', '--no-wait');
    expect(await operatorImage()).to.equal('example.com/keptn:0.0.1');
    await done('install', '--no-wait');
    expect(await operatorImage()).to.equal('example.com/keptn:0.0.1');
  });

  describe('keptn uninstall', () => {
    it('asks, and does not wait for ever for an operator that is broken', async () => {
      const finalizers = JSON.stringify({ metadata: { finalizers: ['keptn.sh/finalizer'] } });
      await kubectl('patch', 'keptn/keptn', '--type=merge', '-p', finalizers);
      await world.apply({
        apiVersion: 'keptn.sh/v1alpha1',
        kind: 'Project',
        metadata: { name: 'shop', namespace: 'keptn' },
        spec: { shipyard: { stages: [{ name: 'dev', deployment_strategy: 'direct' }] } },
      });
      const labels = { 'app.kubernetes.io/part-of': 'keptn', 'app.kubernetes.io/managed-by': 'keptn-operator' };
      await world.apply(
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'made', namespace: 'keptn', labels } },
        { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'keptn-api-token', namespace: 'keptn', labels } },
      );
      const unasked = await world.keptn('uninstall');
      expect(unasked.code, unasked.err).to.equal(2);
      expect(unasked.err).to.match(/--yes: .* Remove Keptn from namespace keptn of keptn-local \(https/);
      const stuck = await world.keptn('uninstall', '--yes', '--delete-data', '--timeout=2');
      expect([stuck.code, stuck.err.includes('the operator does not run')], stuck.err).to.deep.equal([5, true]);
      expect(stuck.err).to.match(/^Error: not done in time: .*keptn uninstall --force does without it$/m);
      expect(await spec()).to.include({ deletionPolicy: 'Delete' });
      expect((await world.keptn('install')).out).to.match(/^✗ +installation +the one in keptn is being deleted/m);
    });

    it('does without the operator when it is forced to; projects and their kinds are kept', async () => {
      const { err } = await done('uninstall', '--yes', '--force');
      expect(err).to.include('1 objects are kept, and so are their kinds').and.include('namespace keptn is kept');
      expect(await isThere('keptn/keptn')).to.equal(false);
      expect([await isThere('configmap/made'), await isThere('secret/keptn-api-token')]).to.deep.equal([false, true]);
      expect(await isThere('deployment/keptn-operator')).to.equal(false);
      expect(await isThere('clusterrole/keptn-operator')).to.equal(false);
      expect(await isThere('projects.keptn.sh/shop')).to.equal(true);
      expect((await done('uninstall', '--yes')).err).to.include('there is no Keptn in namespace keptn');
    });

    it('deletes every project and the kinds with --all', async () => {
      const { err } = await done('uninstall', '--yes', '--all');
      expect(err).to.include('1 objects of projects are deleted').and.include('the kinds are deleted');
      await until('the kinds are gone', async () => (await kubectl('get', 'crd', '-o', 'name')) === '', 30);
    });
  });
});
