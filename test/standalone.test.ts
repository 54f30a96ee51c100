import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { ManagedProcess } from '../tools/real-parts/managed-process.ts';
import { root } from './launch/node-process.ts';

const run = promisify(execFile);

describe('npm start', () => {
  let folder: string;
  let manifests: string;
  let process_: ManagedProcess;

  const output = (): string => process_.output();
  const git = async (...args: string[]): Promise<string> =>
    (await run('git', ['-C', join(folder, 'data', 'config', 'sockshop.git'), ...args])).stdout;
  const shows = async (text: string | RegExp, seconds = 10): Promise<void> => {
    const deadline = Date.now() + seconds * 1000;
    while (!(typeof text === 'string' ? output().includes(text) : text.test(output()))) {
      if (Date.now() > deadline) throw new Error(`not shown: ${String(text)}\n${output()}`);
      await sleep(20);
    }
  };
  const prepare = (): ManagedProcess =>
    new ManagedProcess({
      name: 'npm start',
      command: process.execPath,
      args: [join(root, 'operator/standalone.ts'), manifests, '--data', join(folder, 'data'), '--port', '0'],
      env: { NO_COLOR: '1' },
      ready: async () => output().includes('Ctrl-C stops'),
    });
  /** Replaces text in a file as editors do: by a new file that takes the old one's name. */
  const edit = async (file: string, from: string, to: string): Promise<void> => {
    const path = join(manifests, file);
    const text = await readFile(path, 'utf8');
    expect(text).to.include(from);
    await writeFile(`${path}.swp`, text.replace(from, to));
    await rename(`${path}.swp`, path);
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keptn-standalone-'));
    manifests = join(folder, 'shop');
    await cp(join(root, 'examples/sockshop'), manifests, { recursive: true });
    process_ = prepare();
  });
  after(async () => {
    await process_.end('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  it('shows every object Ready, each event and where Git is, in under 5 s', async () => {
    const began = performance.now();
    await process_.start();
    expect(performance.now() - began).to.be.lessThan(5_000);
    const text = output();
    expect(text).not.to.match(/ (False|Unknown) /);
    for (const name of ['sockshop-dev', 'sockshop-carts', 'sockshop-carts-slo'])
      expect(text).to.match(new RegExp(`${name} .* True`));
    for (const [event, count] of [
      [/⚡ sh\.keptn\.internal\.event\.project\.create/g, 1],
      [/⚡ sh\.keptn\.internal\.event\.service\.create/g, 2],
      [/⚡ sh\.keptn\.event\.configuration\.change \S+ in dev docker/g, 2],
    ] as const) {
      expect(text.match(event)).to.have.length(count);
    }
    expect(await git('show', 'dev:carts/slo.yaml')).to.include('objectives');
  });

  it('can be cloned with the command that it prints, with a token that only its owner can read', async () => {
    const [, command = ''] = /^Clone +(.*)$/m.exec(output()) ?? [];
    await run('sh', ['-c', `${command} ${join(folder, 'clone')}`]);
    expect(await readFile(join(folder, 'clone/shipyard.yaml'), 'utf8')).to.include('staging');
    expect((await stat(join(folder, 'data/api-token'))).mode & 0o777).to.equal(0o600);
  });

  it('commits a change of a file and announces it', async () => {
    await edit('services.yaml', 'carts:0.10.1', 'carts:0.10.2');
    await shows(
      /⚡ sh\.keptn\.event\.configuration\.change sockshop\/carts in dev[\s\S]*⚡ sh\.keptn\.event\.configuration\.change sockshop\/carts in dev/,
    );
    await edit('project.yaml', 'A shop that sells socks.', 'A shop that sells shoes.');
    await shows('README.md is in Git on master');
    expect(await git('show', 'master:README.md')).to.include('sells shoes');
  });

  it('names file, line and field of what is wrong, and leaves in effect what was', async () => {
    await edit(
      'services.yaml',
      'image: docker.io/keptnexamples/carts:0.10.2',
      'imag: docker.io/keptnexamples/carts:0.10.2',
    );
    await shows(/services\.yaml:\d+ Service sockshop-carts is not in effect: spec\.artifact\.image: is missing/);
    await edit('services.yaml', 'imag: docker.io', 'image: [docker.io');
    await shows(/services\.yaml:\d+ is no YAML/);
    await edit('services.yaml', 'image: [docker.io', 'image: docker.io');
    await writeFile(
      join(manifests, 'more.yaml'),
      'apiVersion: keptn.sh/v1alpha1\nkind: Resource\nmetadata:\n  name: out\nspec:\n  project: sockshop\n  uri: ../../etc\n  text: a\n',
    );
    await shows(/more\.yaml:7 Resource out is not in effect: spec\.uri: must not have a segment/);
    await rm(join(manifests, 'more.yaml'));
    expect(output()).not.to.include('sockshop-carts is gone');
  });

  it('deletes what a removed file had declared', async () => {
    await rm(join(manifests, 'carts-remediation.yaml'));
    await shows('Resource sockshop-carts-remediation is gone');
    expect(await git('ls-tree', '-r', '--name-only', 'dev')).not.to.include('remediation.yaml');
  });

  it('stops cleanly on Ctrl-C', async () => {
    expect(await process_.end('SIGINT')).to.equal(0);
  });

  it('goes on from the same state: no new commit and no event, and what changed meanwhile is in effect', async () => {
    const commits = await git('log', '--all', '--format=%H');
    process_ = prepare();
    await process_.start();
    await sleep(1_000);
    expect(output()).not.to.include('⚡');
    expect(await git('log', '--all', '--format=%H')).to.equal(commits);
    expect(await process_.end('SIGINT')).to.equal(0);
    await edit('services.yaml', 'carts:0.10.2', 'carts:0.10.3');
    process_ = prepare();
    await process_.start();
    await shows('⚡ sh.keptn.event.configuration.change sockshop/carts in dev');
  });

  it('delivers, dry, from stage to stage, and keeps what it would apply', async () => {
    await shows('✓ Service sockshop-carts: docker.io/keptnexamples/carts:0.10.3 is in prod');
    expect(output()).to.include('Deployments        a dry run: what would be applied is in');
    const file = join(folder, 'data/dry-run/sockshop-prod-carts.yaml');
    expect(await readFile(file, 'utf8')).to.include('docker.io/keptnexamples/carts:0.10.3');
  });

  it('loses nothing when it is killed', async () => {
    const urlOf = (part: RegExp): string => part.exec(output())?.[1] ?? '';
    const sent = { specversion: '1.0', type: 'sh.keptn.event.mine', source: 'me', shkeptncontext: 'mine' };
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        fetch(urlOf(/^Send an event +POST it to (\S+)$/m), {
          method: 'POST',
          body: JSON.stringify({ ...sent, id: `event-${n}`, data: { project: 'sockshop' } }),
        }),
      ),
    );
    await process_.end('SIGKILL');
    expect(answers.every(({ status }) => status === 202)).to.equal(true);
    const commits = await git('log', '--all', '--format=%H');
    process_ = prepare();
    await process_.start();
    await sleep(500);
    expect(output()).not.to.include('⚡ sh.keptn.internal').and.not.to.include('⚡ sh.keptn.event.configuration');
    expect(await git('log', '--all', '--format=%H')).to.equal(commits);
    await git('fsck', '--strict');
    const address = urlOf(/^Find events +(\S+)\/event\?/m);
    const found = async (): Promise<unknown> =>
      ((await (await fetch(`${address}/event?keptnContext=mine`)).json()) as { totalCount: number }).totalCount;
    for (let tries = 0; tries < 100 && (await found()) !== 100; tries += 1) await sleep(50);
    expect(await found()).to.equal(100);
  });

  it('says what is wrong with its folder, and ends', async () => {
    const error = await run(process.execPath, [
      join(root, 'operator/standalone.ts'),
      join(folder, 'nowhere'),
      '--data',
      join(folder, 'other'),
    ]).then(
      () => 'it ran',
      (reason: unknown) => String(reason),
    );
    expect(error).to.include('nowhere');
    expect(error).not.to.include('    at ');
  });
});
