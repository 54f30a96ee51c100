/** Deliveries from the command line, against a standalone Keptn whose deployments are dry runs. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { expect } from 'chai';
import { stringify } from 'yaml';
import { commandLine } from './launch/keptn.ts';
import { root } from './launch/node-process.ts';
import { startStandalone, until, type Standalone } from './launch/standalone.ts';
import { tinyChart } from './launch/tiny.ts';
import { custom } from './launch/world.ts';

const stages = (last: object) => ({
  stages: [
    { name: 'dev', deployment_strategy: 'direct', test_strategy: 'functional' },
    { name: 'prod', deployment_strategy: 'blue_green_service', ...last },
  ],
});

describe('keptn, for deliveries,', () => {
  let instance: Standalone;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keptn-cli-delivery-'));
    const chart = Object.entries(tinyChart('carts'));
    const objects = ['auto', 'manual'].flatMap((project) => [
      custom('Project', project, { shipyard: stages(project === 'manual' ? { approval_strategy: 'manual' } : {}) }),
      custom('Service', `${project}-carts`, { project, name: 'carts' }),
      custom('Service', `${project}-bare`, { project, name: 'bare' }),
      ...chart.map(([uri, text], nth) =>
        custom('Resource', `${project}-${nth}`, { project, service: 'carts', uri, text }),
      ),
    ]);
    await writeFile(join(folder, 'objects.yaml'), objects.map((object) => stringify(object)).join('---\n'));
    instance = await startStandalone(relative(root, folder));
  });
  after(async () => {
    await instance.stop();
    await rm(folder, { recursive: true });
  });

  const { keptn, start } = commandLine(() => ({ KEPTN_ENDPOINT: instance.url, KEPTN_API_TOKEN: instance.token }));
  const of = (project: string, service = 'carts'): string[] => ['--project', project, '--service', service];
  const newArtifact = (project: string, image: string) =>
    start(['send', 'event', 'new-artifact', ...of(project), '--image', image]);

  it('shows a delivery stage by stage, and ends with 0 when it is in the last', async () => {
    const { code, err } = await newArtifact('auto', 'carts:1').ended;
    expect(err).to.match(/^ID of Keptn context: \S+$/m);
    expect(err).to.match(/^dev +Ready +\d+\.\d s /m);
    expect(err).to.match(/^prod +Ready +\d+\.\d s /m);
    expect(err).to.match(/^carts:1 is delivered$/m);
    expect(code).to.equal(0);
  });

  it('follows what is told to the end of the delivery, beyond the last line of its first stage', async () => {
    const begun = await keptn('send', 'event', 'new-artifact', ...of('auto'), '--image', 'carts:9', '--no-wait');
    const [, context = ''] = /ID of Keptn context: (\S+)/.exec(begun.err) ?? [];
    const { code, err } = await keptn('logs', '--follow', context);
    expect(err).to.include('carts in prod: promoted');
    expect(code).to.equal(0);
  });

  it('waits for the result of an evaluation, which is its exit code', async () => {
    const { code, err } = await keptn('send', 'event', 'start-evaluation', ...of('auto'), '--stage', 'dev', '--wait');
    expect(err).to.match(/^Error: nothing was evaluated: no evaluation performed by lighthouse because no SLO found/m);
    expect(code).to.equal(1);
  });

  it('ends with 1 and the reason where it does not come that far', async () => {
    const { code, err } = await keptn('send', 'event', 'new-artifact', ...of('auto', 'bare'), '--image', 'bare:1');
    expect(err).to.match(/^Error: bare ended in dev: ChartMissing: there is no Helm chart for bare/m);
    expect(code).to.equal(1);
  });

  it('says what to do next where it takes longer than --timeout, and does not wait with --no-wait', async () => {
    const artifact = ['send', 'event', 'new-artifact', ...of('manual'), '--image', 'carts:0'];
    const late = await keptn(...artifact, '--timeout', '3');
    expect(late.err).to.match(/^Error: not done within 3 s; it goes on: keptn get events --keptn-context=/m);
    expect(late.code).to.equal(5);
    const quick = await keptn('send', 'event', 'new-artifact', ...of('auto'), '--image', 'carts:0', '--no-wait');
    expect([quick.code, quick.err.split('\n').length]).to.deep.equal([0, 2]);
  });

  it('asks for an approval with the command that gives it, and goes on then', async () => {
    const { ran, ended } = newArtifact('manual', 'carts:1');
    await until('it asks', () => ran.err.includes('keptn send event approval'));
    const [, command = ''] = /^keptn (send event approval .*)$/m.exec(ran.err) ?? [];
    const approval = await keptn(...command.split(' '));
    expect([approval.code, approval.err]).to.deep.equal([0, approval.err]);
    expect(approval.err).to.match(/^Approved: carts for prod, in context /);
    expect((await ended).code).to.equal(0);
  });

  it('declines with a reason, which ends the delivery', async () => {
    const { ran, ended } = newArtifact('manual', 'carts:2');
    await until('it asks', () => ran.err.includes('keptn send event approval'));
    await keptn(
      'send',
      'event',
      'approval',
      ...of('manual'),
      '--stage',
      'prod',
      '--result',
      'failed',
      '--message',
      'not today',
    );
    const { code, err } = await ended;
    expect([code, /^Error: .*$/m.exec(err)?.[0]]).to.deep.equal([1, 'Error: carts ended in prod: declined: not today']);
  });

  it('pauses, and resumes', async () => {
    const { ran, ended } = newArtifact('manual', 'carts:3');
    await until('it asks', () => ran.err.includes('keptn send event approval'));
    expect((await keptn('pause', ...of('manual'))).code).to.equal(0);
    await until('it is paused', () => /^prod +Paused/m.test(ran.err));
    await keptn('send', 'event', 'approval', ...of('manual'), '--stage', 'prod');
    const resume = await keptn('resume', ...of('manual'));
    expect(resume.err).to.match(/^Resuming the delivery of carts in context \S+\nkeptn logs /);
    expect((await ended).code).to.equal(0);
  });

  it('goes on without who has waited for it, when that ends by Ctrl-C', async () => {
    const { ran, ended, child } = newArtifact('manual', 'carts:5');
    await until('it asks', () => ran.err.includes('keptn send event approval'));
    child.kill('SIGINT');
    expect((await ended).code).to.equal(130);
    expect((await keptn('send', 'event', 'approval', ...of('manual'), '--stage', 'prod')).code).to.equal(0);
  });

  it('aborts', async () => {
    const { ran, ended } = newArtifact('manual', 'carts:4');
    await until('it asks', () => ran.err.includes('keptn send event approval'));
    expect((await keptn('abort', ...of('manual'))).code).to.equal(0);
    const { code, err } = await ended;
    expect([code, /^Error: .*$/m.exec(err)?.[0]]).to.deep.equal([1, 'Error: carts ended in prod: aborted']);
  });

  it('promotes by hand what a stage has, past the gate behind it', async () => {
    const begun = await keptn(
      ...['send', 'event', 'new-artifact', ...of('manual'), '--image', 'carts:6', '--until', 'dev'],
    );
    expect([begun.code, /^prod/m.test(begun.err)], begun.err).to.deep.equal([0, false]);
    const { code, err } = await keptn('promote', ...of('manual'), '--stage', 'dev');
    expect(err).to.match(/^Promoting carts:6 from dev to prod$/m);
    expect(err)
      .to.match(/^prod +Ready /m)
      .and.not.match(/^dev /m);
    expect(code).to.equal(0);
  });

  it('rolls a stage back to the version before, and no further', async () => {
    expect((await newArtifact('auto', 'carts:7').ended).code).to.equal(0);
    expect((await newArtifact('auto', 'carts:8').ended).code).to.equal(0);
    const { code, err } = await keptn('rollback', ...of('auto'), '--stage', 'dev');
    expect(err).to.match(/^Rolling carts in dev back to carts:7$/m);
    expect([code, /^prod /m.test(err)]).to.deep.equal([0, false]);
    expect((await keptn('promote', ...of('auto'), '--stage', 'dev', '--no-wait')).err).to.include('Promoting carts:7');
  });

  it('says what can not be promoted, and that there is nothing to go back to', async () => {
    const answers = [
      await keptn('promote', ...of('auto'), '--stage', 'prod'),
      await keptn('promote', ...of('auto'), '--stage', 'dev', '--to', 'nowhere'),
      await keptn('promote', ...of('auto', 'bare'), '--stage', 'dev'),
      await keptn('rollback', ...of('auto', 'bare'), '--stage', 'dev'),
      await keptn('send', 'event', 'new-artifact', ...of('auto'), '--image', 'carts:1', '--until', 'nowhere'),
    ];
    expect(answers.map(({ code, err }) => [code, err])).to.deep.equal([
      [1, 'Error: prod is the last: auto has dev, prod\n'],
      [2, 'Error: --to: there is no stage nowhere: auto has dev, prod\n'],
      [1, 'Error: no version of bare has passed dev of auto\n'],
      [1, 'Error: nothing to go back to: no version of bare has passed dev of auto\n'],
      [2, 'Error: --until: there is no stage nowhere: auto has dev, prod\n'],
    ]);
  });

  it('says so where nothing is on its way, or nothing waits', async () => {
    const abort = await keptn('abort', ...of('auto', 'nobody'));
    expect([abort.code, abort.err]).to.deep.equal([
      1,
      'Error: no delivery of nobody in auto is on its way: keptn get events shows what there was\n',
    ]);
    const approval = await keptn('send', 'event', 'approval', ...of('auto'), '--stage', 'prod');
    expect([approval.code, approval.err]).to.have.nested.property('[0]', 1);
    expect(approval.err).to.include('no delivery of carts in stage prod of auto waits for approval');
  });
});
