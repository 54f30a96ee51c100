/** Our command line against a running Keptn: what it shows, what it says when something is wrong, and its exit codes. */
import { mkdtemp, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { commandLine, type Ran } from './launch/keptn.ts';
import { startStandalone, until, type Standalone } from './launch/standalone.ts';

describe('keptn', () => {
  let instance: Standalone;
  let folder: string;
  let shipyard: string;

  before(async () => {
    instance = await startStandalone();
    folder = await mkdtemp(join(tmpdir(), 'keptn-cli-'));
    shipyard = join(folder, 'shipyard.yaml');
    await writeFile(
      shipyard,
      'stages:\n- name: dev\n  deployment_strategy: direct\n- name: prod\n  deployment_strategy: direct\n',
    );
  });
  after(async () => {
    await instance.stop();
    await rm(folder, { recursive: true });
  });

  const { keptn } = commandLine(() => ({ KEPTN_CREDENTIALS: join(folder, 'credentials.json') }));

  it('says what to do without credentials, with a wrong token, and where nobody is', async () => {
    const unknown = await keptn('status');
    expect([unknown.code, unknown.err]).to.deep.equal([
      4,
      'Error: not authenticated: keptn auth --endpoint=<address> --api-token=<token>, or set KEPTN_ENDPOINT and KEPTN_API_TOKEN\n',
    ]);
    const wrong = await keptn('auth', '--endpoint', instance.url, '--api-token', 'wrong');
    expect([wrong.code, wrong.err]).to.have.nested.property('[0]', 4);
    expect(wrong.err).to.match(/^Error: incorrect api key auth: keptn auth/);
    const nobody = await keptn('auth', '--endpoint', 'http://127.0.0.1:1', '--api-token', 'any');
    expect(nobody.code).to.equal(3);
    expect(nobody.err).to.match(/^Error: cannot reach Keptn at http:\/\/127\.0\.0\.1:1 .*keptn auth sets another/);
  });

  it('keeps the token for its owner alone, and takes the certificate that was there and no other', async () => {
    const { code, err } = await keptn('auth', '-e', instance.secureUrl, '-a', instance.token);
    expect([code, err]).to.have.nested.property('[0]', 0);
    expect(err).to.include('from now on only this one is taken').and.not.include(instance.token);
    expect((await stat(join(folder, 'credentials.json'))).mode & 0o777).to.equal(0o600);
    expect((await keptn('status')).out).to.match(
      new RegExp(`^ENDPOINT +AUTHENTICATED\\n${instance.secureUrl} +true\\n$`),
    );
    const other = await startStandalone();
    const credentials = join(folder, 'credentials.json');
    const kept = await readFile(credentials, 'utf8');
    await writeFile(credentials, kept.replace(instance.secureUrl, other.secureUrl));
    const refused = await keptn('status');
    expect(refused.code).to.equal(3);
    expect(refused.err).to.include('is not the known one');
    await writeFile(credentials, kept);
    await other.stop();
  });

  it('makes a project and shows how, a service, a file; lists them; and deletes it all', async () => {
    const made = await keptn('create', 'project', 'shop', '--shipyard', shipyard);
    expect(made.code, made.err).to.equal(0);
    expect(made.err.split('\n').slice(1)).to.have.members([
      'Project shop created',
      'Stage dev created',
      'Stage prod created',
      'Shipyard successfully processed',
      '',
    ]);
    expect((await keptn('create', 'service', 'front', '-p', 'shop')).err).to.include('Service front created');
    expect((await keptn('get', 'projects')).out).to.match(/^NAME +STAGES\n[\s\S]*^shop +dev, prod$/m);
    expect(JSON.parse((await keptn('get', 'services', '-p', 'shop', '-s', 'prod', '-o', 'json')).out)).to.deep.equal([
      { serviceName: 'front' },
    ]);
    const add = [
      'add-resource',
      '-p',
      'shop',
      '-s',
      'dev',
      '--service',
      'front',
      '-r',
      shipyard,
      '--resourceUri',
      'a/b.yaml',
    ];
    expect((await keptn(...add)).code).to.equal(0);
    const { out } = await keptn('get', 'resources', '-p', 'shop', '-s', 'dev', '--service', 'front', '-o', 'yaml');
    expect(parse(out)).to.deep.include({ resourceURI: '/a/b.yaml' });
    const gone = await keptn('delete', 'project', 'shop');
    expect([gone.code, gone.err]).to.have.nested.property('[0]', 0);
    expect(gone.err).to.include('Project shop deleted');
    expect((await keptn('get', 'stages', '-p', 'shop')).code).to.equal(1);
  });

  it('packs a chart from its folder, and says before it sends what cannot be one', async () => {
    expect((await keptn('create', 'project', 'charts', '-s', shipyard, '-q')).err).to.equal('');
    const chart = join(folder, 'carts');
    await mkdir(join(chart, 'templates'), { recursive: true });
    const onboard = (path: string): Promise<Ran> =>
      keptn('onboard', 'service', 'carts', '-p', 'charts', '--chart', path);
    expect((await onboard(chart)).err).to.include('is no chart: it has no Chart.yaml');
    await writeFile(join(chart, 'Chart.yaml'), 'name: carts\n');
    await writeFile(join(chart, 'values.yaml'), 'image: a\n');
    expect((await onboard(chart)).err).to.include('values.yaml has no replicaCount');
    await writeFile(join(chart, 'values.yaml'), 'image: a\nreplicaCount: 1\n');
    expect((await onboard(chart)).err).to.include('has no Service in its templates');
    await writeFile(join(chart, 'templates', 'service.yaml'), 'kind: Service\n');
    expect((await onboard(chart)).err).to.include('has no Deployment in its templates');
    await writeFile(join(chart, 'templates', 'deployment.yaml'), 'kind: Deployment\n');
    const made = join(chart, 'templates', 'carts-istio-virtualservice.yaml');
    await writeFile(made, 'kind: VirtualService\n');
    expect((await onboard(chart)).err).to.include('Keptn makes these itself, leave it out');
    await rm(made);
    expect((await onboard(shipyard)).err).to.include('is no Helm chart');
    expect((await onboard(chart)).code).to.equal(0);
    const { out } = await keptn('get', 'resources', '-p', 'charts', '-s', 'prod', '--service', 'carts');
    expect(out).to.include('/helm/carts/templates/service.yaml');
  });

  it('sends events and finds them, the newest first', async () => {
    const evaluate = ['send', 'event', 'start-evaluation', '--project', 'a', '--stage', 'b', '--service', 'c'];
    const sent = await keptn(...evaluate, '--start', '2026-11-24T10:00:00', '--timeframe', '10m', '-l', 'x=1,y=2');
    const [, context = ''] = /ID of Keptn context: (\S+)/.exec(sent.err) ?? [];
    const found = async () =>
      JSON.parse((await keptn('get', 'events', '--keptn-context', context, '-o', 'json')).out) as unknown[];
    await until('its answer', async () => (await found()).length === 2);
    expect((await found())[1])
      .to.have.property('data')
      .that.deep.include({
        start: '2026-11-24T10:00:00.000Z',
        end: '2026-11-24T10:10:00.000Z',
        labels: { x: '1', y: '2' },
      });
    const done = await keptn('get', 'event', 'evaluation-done', '--keptn-context', context, '-o', 'json');
    expect([done.code, done.out.includes('no SLO found for service c')]).to.deep.equal([0, true]);
    expect((await keptn('get', 'event', 'evaluation-done', '--keptn-context', 'nobody')).code).to.equal(1);
    const wrong: [string[], string][] = [
      [['--timeframe', '5'], '--timeframe: must be minutes'],
      [['--start', '2026-11-24T10:00:00'], '--start: needs'],
      [['--start', 'noon', '--timeframe', '5m'], '--start: must be a time'],
      [['--start', '2026-11-24T10:00:00', '--end', '2026-11-24T10:00:30'], 'a minute after'],
    ];
    for (const [flags, message] of wrong) {
      const refused = await keptn(...evaluate, ...flags);
      expect([refused.code, refused.err.includes(message)], refused.err).to.deep.equal([2, true]);
    }
    const file = join(folder, 'event.json');
    await writeFile(file, JSON.stringify({ type: 'sh.keptn.event.mine', source: 'me', data: {} }));
    expect((await keptn('send', 'event', '-f', file)).code).to.equal(0);
    expect((await keptn('send', 'event', '-f', shipyard)).err).to.include('is not JSON');
  });

  it('sends no artifact to a project that is not there', async () => {
    const artifact = ['send', 'event', 'new-artifact', '--project', 'nowhere', '--service', 'b', '--image', 'x/b:1'];
    const { code, err } = await keptn(...artifact);
    expect([code, err]).to.deep.equal([1, 'Error: there is no project nowhere with a shipyard: keptn get projects\n']);
    expect((await keptn('get', 'events', '--project', 'nowhere')).out).to.equal('');
  });

  it('shows what was told in a context, and follows what is told', async () => {
    const { err } = await keptn('create', 'project', 'told', '-s', shipyard);
    const [, context = ''] = /ID of Keptn context: (\S+)/.exec(err) ?? [];
    expect((await keptn('logs', context, '--follow')).err).to.include('Shipyard successfully processed');
    await until('the log', async () => (await keptn('logs', context)).out.includes('Shipyard successfully processed'));
    expect((await keptn('logs', context)).out).to.match(/^TIME +SERVICE +MESSAGE\n.*Project told created\n/);
  });

  it('refuses a command line that is not valid with code 2, and helps with 0', async () => {
    for (const args of [
      ['frobnicate'],
      ['create', 'project', 'x'],
      ['get', 'projects', '-o', 'xml'],
      ['create', 'project', 'x', '-s', '/no'],
    ]) {
      expect((await keptn(...args)).code, args.join(' ')).to.equal(2);
    }
    const help = await keptn('--help');
    expect([help.code, help.out]).to.have.nested.property('[0]', 0);
    expect(help.out).to.include('onboard');
  });
});
