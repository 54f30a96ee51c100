/** `keptn install` to `keptn uninstall` with the operator itself, on simulated nodes. */
import { expect } from 'chai';
import { startInstaller, type Installer } from './launch/installer.ts';
import { storageClass } from './launch/installation.ts';
import { commandLine, type Ran } from './launch/keptn.ts';

const volumes = Array.from({ length: 3 }, (_, nth) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name: `of-class-${nth}` },
  spec: {
    storageClassName: storageClass.metadata.name,
    capacity: { storage: '10Gi' },
    accessModes: ['ReadWriteOnce'],
    hostPath: { path: `/tmp/of-class-${nth}` },
  },
}));

describe('keptn install, with the operator,', () => {
  let world: Installer;
  before(async () => {
    world = await startInstaller();
    await world.apply(storageClass, ...volumes);
  });
  after(() => world.stop());

  const { keptn } = commandLine(() => ({
    KUBECONFIG: world.api.kubeconfig,
    KEPTN_CREDENTIALS: '/nowhere/credentials',
  }));
  const done = async (...args: string[]): Promise<Ran> => {
    const ran = await keptn(...args);
    expect(ran.code, `keptn ${args.join(' ')}: ${ran.out}${ran.err}`).to.equal(0);
    return ran;
  };
  const names = async (kinds: string): Promise<string> =>
    world.kubectl('get', kinds, '-l', 'app.kubernetes.io/part-of=keptn', '-o', 'name');

  it('brings up an installation, and says so for each component', async () => {
    const { out, err } = await done(
      'install',
      '--image=example.com/keptn:1.0.0',
      '-u',
      'quality-gates',
      '--timeout=200',
    );
    expect(err)
      .to.match(/^✓ mongodb is ready/m)
      .and.match(/^✓ lighthouse-service is ready/m);
    expect(out).to.match(/^the Bridge +http:\/\/localhost:3000 with kubectl port-forward -n keptn service\/bridge/m);
    expect((await done('install', '-o', 'json')).out).to.include('"outcome": "unchanged"');
  });

  it('upgrades it by a newer image, and waits for the last part of it', async () => {
    await done('install', '--image=example.com/keptn:1.1.0', '--timeout=200');
    const images = await world.kubectl('get', 'deployments', '-o', 'jsonpath={..image}');
    expect(images).to.include('keptn:1.1.0').and.not.include('keptn:1.0.0');
  });

  it('removes it and keeps its data', async () => {
    const token = (): Promise<string> => world.kubectl('get', 'secret/keptn-api-token', '-o', 'jsonpath={.data}');
    const before = await token();
    await done('uninstall', '--yes', '--timeout=100');
    expect(await names('deployments,statefulsets,services,configmaps,serviceaccounts')).to.equal('');
    expect(await names('pvc'))
      .to.include('data-mongodb-0')
      .and.include('configuration-service-data');
    expect(await token()).to.equal(before);
  });
});
