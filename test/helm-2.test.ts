/** Helm 2.12, as far as it can be seen without a Tiller: what it is asked for. A program that notes its arguments stands for it. */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Helm } from '../services/helm-service/deployer/helm.ts';

describe('the arguments of helm', () => {
  let folder: string;
  let program: string;
  let failing: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keptn-helm-2-'));
    [program, failing] = [join(folder, 'helm'), join(folder, 'failing')];
    const note = `#!/bin/sh\necho "$@" | sed "s# [^ ]*/\\([a-z]*\\.tgz\\)# \\1#" >> ${folder}/calls\n`;
    await writeFile(program, note);
    await writeFile(failing, `${note}[ "$1" = rollback ] && { echo "Error: no revision" >&2; exit 1; }\nexit 0\n`);
    for (const file of [program, failing]) await chmod(file, 0o755);
  });
  after(() => rm(folder, { recursive: true }));
  beforeEach(() => writeFile(join(folder, 'calls'), ''));

  const release = {
    ...{ name: 'p-dev-carts', namespace: 'p-dev' },
    chart: { name: 'carts', files: new Map([['Chart.yaml', 'name: carts']]) },
    values: { 'keptn.stage': 'dev', replicaCount: 0 },
  };
  const set = '--set keptn.stage=dev --set replicaCount=0';
  const calls = async (): Promise<string[]> => (await readFile(join(folder, 'calls'), 'utf8')).trim().split('\n');
  const { signal } = new AbortController();

  for (const [version, upgrade, render, undo] of [
    [
      'v3',
      `upgrade --install p-dev-carts carts.tgz --namespace p-dev --wait --atomic --timeout 300s ${set}`,
      `template p-dev-carts carts.tgz --namespace p-dev ${set}`,
      ['rollback p-dev-carts 0 --namespace p-dev', 'uninstall p-dev-carts --namespace p-dev'],
    ],
    [
      'v2',
      `upgrade --install p-dev-carts carts.tgz --namespace p-dev --wait --timeout 300 ${set}`,
      `template carts.tgz --name p-dev-carts --namespace p-dev ${set}`,
      ['rollback p-dev-carts 0', 'delete --purge p-dev-carts'],
    ],
  ] as const) {
    it(`${version} are its own`, async () => {
      const helm = new Helm({ program, version, timeoutSeconds: 300 });
      await helm.upgrade(release, signal);
      await helm.render(release);
      expect(await calls()).to.deep.equal([upgrade, render]);
    });

    it(`${version} undo a change, or all of it where there was none before`, async () => {
      await new Helm({ program: failing, version, timeoutSeconds: 300 }).undo(release);
      expect(await calls()).to.deep.equal(undo);
    });
  }

  it('that cannot be run says so', async () => {
    const helm = new Helm({ program: join(folder, 'nothing'), version: 'v3', timeoutSeconds: 1 });
    const said = await helm.upgrade(release, signal).catch(String);
    expect(said).to.include('helm cannot be run').and.include('ENOENT');
  });
});
