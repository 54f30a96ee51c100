import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { locate } from '../tools/real-parts/locate.ts';
import { ManagedProcess } from '../tools/real-parts/managed-process.ts';
import { expectedFiles, readExample } from './launch/manifests.ts';
import { root } from './launch/node-process.ts';

const run = promisify(execFile);

describe('npm run cluster', () => {
  let folder: string;
  let cluster: ManagedProcess;
  let env: Record<string, string | undefined>;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keptn-cluster-'));
    const data = join(folder, 'data');
    cluster = new ManagedProcess({
      name: 'npm run cluster',
      command: process.execPath,
      args: [join(root, 'tools/cluster/main.ts'), '--data', data],
      ready: async () => cluster.output().includes('Ctrl-C stops it'),
      seconds: 120,
    });
    await cluster.start();
    env = { ...process.env, KUBECONFIG: join(data, 'kubeconfig'), HOME: folder };
  });
  after(async () => {
    await cluster.end('SIGTERM');
    await rm(folder, { recursive: true, force: true });
  });

  it('has three nodes that run what is scheduled', async () => {
    const kubectl = await locate('kubectl');
    const { stdout } = await run(kubectl, ['get', 'nodes', '--no-headers'], { env });
    expect(stdout.match(/ Ready /g)).to.have.length(3);
  });

  for (const service of ['carts', 'carts-db']) {
    it(`takes the chart of ${service} from examples/sockshop by helm, until its pods are ready`, async () => {
      const helm = await locate('helm');
      const chart = join(folder, service);
      for (const [where, content] of expectedFiles(await readExample('examples/sockshop'), ['dev'])) {
        const prefix = `dev:${service}/helm/${service}/`;
        if (!where.startsWith(prefix)) continue;
        const file = join(chart, where.slice(prefix.length));
        await mkdir(dirname(file), { recursive: true });
        await writeFile(file, content);
      }
      const values = ['project=sockshop', 'stage=dev', `service=${service}`, 'deployment=direct'].map(
        (value) => `keptn.${value}`,
      );
      const set = ['--set', [...values, `image=docker.io/example/${service}:1`].join(',')];
      await run(helm, ['lint', '--strict', chart, ...set], { env });
      const release = `sockshop-dev-${service}`;
      const install = [
        'upgrade',
        '--install',
        '--wait',
        '--atomic',
        '--timeout',
        '60s',
        '--namespace',
        'sockshop-dev',
        '--create-namespace',
      ];
      const { stdout } = await run(helm, [...install, ...set, release, chart], { env });
      expect(stdout).to.include('STATUS: deployed');
    });
  }

  it('stops all of its parts on Ctrl-C', async () => {
    expect(await cluster.end('SIGINT')).to.equal(0);
    const kubectl = await locate('kubectl');
    const answer = await run(kubectl, ['get', 'nodes', '--request-timeout=2s'], { env }).then(
      () => 'it answers',
      String,
    );
    expect(answer).to.match(/refused|connect/);
  });
});
