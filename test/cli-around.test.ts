/** What the command line has beside the commands for Keptn: finding faults, completing words, its own settings. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { commandLine } from './launch/keptn.ts';
import { root } from './launch/node-process.ts';
import { startStandalone, until, type Standalone } from './launch/standalone.ts';

const run = promisify(execFile);

describe('keptn, around its commands,', () => {
  let instance: Standalone;
  let home: string;
  before(async () => {
    instance = await startStandalone();
    home = await mkdtemp(join(tmpdir(), 'keptn-cli-home-'));
  });
  after(async () => {
    await instance.stop();
    await rm(home, { recursive: true });
  });
  const env = (): Record<string, string | undefined> => ({
    HOME: home,
    KUBECONFIG: '/nowhere',
    KEPTN_CREDENTIALS: undefined,
    DBUS_SESSION_BUS_ADDRESS: undefined,
  });
  const { keptn, start } = commandLine(env);

  it('finds what is wrong between here and Keptn, one after another', async () => {
    const unknown = await keptn('doctor');
    expect(unknown.code).to.equal(1);
    expect(unknown.out)
      .to.match(/^✗ +credentials +not authenticated: keptn auth/m)
      .and.match(/^- +token +needs what/m);
    expect((await keptn('auth', '-e', instance.url, '-a', instance.token)).code).to.equal(0);
    const fine = await keptn('doctor');
    expect([fine.code, fine.out.match(/✗/)], fine.out).to.deep.equal([0, null]);
    expect(fine.out).to.match(/^✓ +live messages +arrive$/m);
    const credentials = join(home, '.keptn/credentials.json');
    const kept = await readFile(credentials, 'utf8');
    await writeFile(credentials, kept.replace(instance.token, 'another-token-of-some-length'));
    expect((await keptn('doctor')).out).to.match(/^✗ +token +incorrect api key auth/m);
    await writeFile(credentials, kept.replace(instance.url, 'http://127.0.0.1:1'));
    expect((await keptn('doctor')).out).to.match(/^✗ +token +cannot reach Keptn/m);
    await writeFile(credentials, kept);
  });

  it('completes commands, flags, choices and names in bash', async () => {
    const complete = async (...words: string[]): Promise<string[]> => {
      const { out } = await keptn('completion', 'bash');
      const keptnPath = join(home, 'bin', 'keptn');
      await mkdir(join(home, 'bin'), { recursive: true });
      await writeFile(keptnPath, `#!/bin/sh\nexec ${process.execPath} ${join(root, 'cli/keptn.mjs')} "$@"\n`, {
        mode: 0o755,
      });
      const line = words.map((word) => `'${word}'`).join(' ');
      const script = `${out}\nCOMP_WORDS=(keptn ${line}); COMP_CWORD=${words.length}; _keptn; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const path = `${join(home, 'bin')}:${process.env['PATH'] ?? ''}`;
      const { stdout } = await run('bash', ['-c', script], { env: { ...process.env, ...env(), PATH: path } });
      return stdout.split('\n').filter((one) => one !== '');
    };
    expect(await complete('pro')).to.deep.equal(['promote']);
    expect(await complete('get', 'serv')).to.deep.equal(['services']);
    expect(await complete('send', 'event', 'new-artifact', '--im')).to.deep.equal(['--image']);
    expect(await complete('get', 'projects', '-o', 'w')).to.deep.equal(['wide']);
    expect(await complete('get', 'services', '--project', 'he')).to.deep.equal(['hello']);
    expect(await complete('get', 'services', '--project', '=', 'he')).to.deep.equal(['hello']);
    expect(await complete('promote', '--project', 'hello', '--stage', '')).to.deep.equal(['dev']);
    expect(await complete('abort', '--project', 'hello', '--service', '')).to.deep.equal(['hello']);
    expect(await complete('delete', 'project', '')).to.deep.equal(['hello']);
    expect(await complete('get', 'services', '--project', 'nobody')).to.deep.equal([]);
  });

  it('prints completions for zsh and fish, and refuses other shells', async () => {
    expect((await keptn('completion', 'zsh')).out).to.match(/^#compdef keptn$/m);
    expect((await keptn('completion', 'fish')).out).to.include('complete -c keptn -l shipyard -r -F');
    expect((await keptn('completion', 'tcsh')).code).to.equal(2);
  });

  it('tells its version and that of Keptn, and warns of one that does not fit, unless it is told not to', async () => {
    const { out } = await keptn('version');
    expect(out).to.match(/^CLI version: (\S+)\nKeptn version: \1\n$/);
    expect(JSON.parse((await keptn('version', '-o', 'json')).out)).to.have.keys('cli', 'keptn');
    expect((await keptn('set', 'config', 'AutomaticVersionCheck', 'no')).code).to.equal(2);
    expect((await keptn('set', 'config', 'Colour', 'blue')).err).to.include('there is no setting Colour');
    expect((await keptn('set', 'config', 'AutomaticVersionCheck', 'false')).code).to.equal(0);
    expect(JSON.parse(await readFile(join(home, '.keptn/config'), 'utf8'))).to.deep.equal({
      automatic_version_check: false,
    });
    expect((await keptn('status')).code).to.equal(0);
  });

  it('shows with --mock what it would send, and sends nothing', async () => {
    const shipyard = join(home, 'shipyard.yaml');
    await writeFile(shipyard, 'stages:\n- name: dev\n  deployment_strategy: direct\n');
    const { code, out } = await keptn('create', 'project', 'mocked', '-s', shipyard, '--mock');
    expect([code, out]).to.have.nested.property('[0]', 0);
    expect(out).to.match(/^would send POST \/v1\/project \{"name":"mocked",/);
    const shown = await keptn('get', 'projects', '--verbose');
    expect(shown.out).to.not.include('mocked');
    expect(shown.err).to.match(/^GET \/v1\/project\?pageSize=50: 200, \d+ ms$/m);
  });

  it('goes on showing what is new with --watch, also when Keptn was away', async () => {
    const watching = start(['get', 'events', '--watch', '--type', 'sh.keptn.event.mine', '--limit', '5']);
    const send = (id: string): Promise<unknown> =>
      instance.ask('POST /v1/event', { id, type: 'sh.keptn.event.mine', source: 'me', data: { service: id } });
    await send('first');
    await until('the first', () => watching.ran.out.includes('first'));
    await send('second');
    await until('the second', () => watching.ran.out.includes('second'));
    expect(watching.ran.out.match(/first/g)).to.have.length(1);
    watching.child.kill('SIGINT');
    expect((await watching.ended).code).to.equal(130);
  });

  it('configures who measures the SLIs of a project, and says what it has made', async () => {
    expect((await keptn('configure', 'monitoring', 'prometheus', '-p', 'hello')).err).to.include('--service:');
    const done = await keptn('configure', 'monitoring', 'prometheus', '-p', 'hello', '-s', 'hello');
    expect(done.err).to.match(/Prometheus scrapes hello in .*: files hello\.hello\.\* in /);
    expect(done.code).to.equal(0);
    expect((await keptn('configure', 'monitoring', 'abacus')).code).to.equal(2);
  });

  it('writes a page for each command', async () => {
    const docs = join(home, 'docs');
    expect((await keptn('generate', 'docs', '--dir', docs)).err).to.include(`there is no folder ${docs}`);
    await mkdir(docs);
    expect((await keptn('generate', 'docs', '--dir', docs)).code).to.equal(0);
    expect(await readdir(docs)).to.include.members(['keptn_apply.md', 'keptn_send_event_new-artifact.md']);
    expect(await readFile(join(docs, 'keptn_promote.md'), 'utf8')).to.match(/^# keptn promote\n/);
  });

  it('gathers what helps to find a fault, and no token', async () => {
    const { code, err } = await keptn('generate', 'support-archive', '--dir', home);
    const [, path = ''] = /What was found is in (\S+);/.exec(err) ?? [];
    expect([code, path]).to.not.include('');
    const { stdout } = await run('tar', ['-xzOf', path], { maxBuffer: 64 * 1024 * 1024 });
    expect(stdout).to.include('"KeptnCLIVersion"').and.include('configuration.change').and.not.include(instance.token);
  });

  it('keeps the token in the keyring of the system where there is one', async function () {
    const has = (name: string): Promise<boolean> =>
      run('sh', ['-c', `command -v ${name}`]).then(
        () => true,
        () => false,
      );
    if (!(await has('gnome-keyring-daemon')) || !(await has('dbus-run-session'))) return this.skip();
    const own = join(home, 'desktop');
    await mkdir(join(own, 'run'), { recursive: true, mode: 0o700 });
    const keptnCommand = `${process.execPath} ${join(root, 'cli/keptn.mjs')}`;
    const script = [
      'printf test | gnome-keyring-daemon --unlock --components=secrets >/dev/null',
      `${keptnCommand} auth -e ${instance.url} -a ${instance.token}`,
      `${keptnCommand} status`,
    ].join('\n');
    const { stdout, stderr } = await run('dbus-run-session', ['--', 'sh', '-c', script], {
      env: { ...process.env, ...env(), HOME: own, XDG_RUNTIME_DIR: join(own, 'run') },
    });
    expect(stderr).to.include('kept in the keyring');
    expect(stdout).to.include('true');
    expect(await readFile(join(own, '.keptn/credentials.json'), 'utf8')).to.not.include(instance.token);
  });

  it('runs a Keptn of its own, which ends with Ctrl-C', async () => {
    const help = await keptn('standalone', '--help');
    expect(help.out).to.include('--insecure-upstreams');
    const own = start(['standalone', join(root, 'examples/hello'), '--data', join(home, 'data'), '--port', '0']);
    await until('it is up', () => own.ran.out.includes('Ctrl-C stops'), 30);
    own.child.kill('SIGTERM');
    expect((await own.ended).code).to.equal(0);
  });
});
