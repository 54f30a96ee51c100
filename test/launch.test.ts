/** What the other tests rely on: real parts that start, come back after they were killed, and leave nothing behind. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect } from 'chai';
import { tryLock } from '../tools/real-parts/lock.ts';
import { ManagedProcess } from '../tools/real-parts/managed-process.ts';
import { temporaryFolder } from '../tools/real-parts/temporary.ts';
import { accepts } from '../tools/real-parts/accepts.ts';
import { startApiServer, type ApiServer } from './launch/api-server.ts';
import { startMongo } from './launch/mongo.ts';
import { startNats } from './launch/nats.ts';

const run = promisify(execFile);

describe('a launched API server', () => {
  let api: ApiServer;
  before(async () => {
    api = await startApiServer();
  });
  after(() => api.stop());

  const versionOf = (name: string): Promise<string> =>
    api.kubectl('get', 'configmap', name, '-o', 'jsonpath={.metadata.resourceVersion}');
  const rejection = (work: Promise<unknown>): Promise<string> => work.then(() => 'no error', String);

  it('answers kubectl, with a version that clients can read', async () => {
    expect(await api.kubectl('get', 'namespaces', '-o', 'name')).to.contain('namespace/default');
    expect(await api.kubectl('version', '-o', 'json')).to.contain('"gitVersion": "v1.34.3"');
    expect(await rejection(api.kubectl('get', 'configmap', 'nothing'))).to.contain('NotFound');
  });

  it('lets nobody in without the token', async () => {
    const refused = api.kubectl('get', 'pods', '--token=wrong', `--server=${api.url}`);
    expect(await rejection(refused)).to.match(/Unauthorized|must be logged in/);
  });

  it('comes back on the same port with the same objects after it was killed', async () => {
    await api.kubectl('create', 'configmap', 'kept', '--from-literal=a=1');
    await api.killApiServer();
    expect(await rejection(api.kubectl('get', 'configmap', 'kept'))).to.match(/refused/);
    await api.startAgain();
    expect(await api.kubectl('get', 'configmap', 'kept', '-o', 'jsonpath={.data.a}')).to.equal('1');
  });

  it('gives 410 Gone for a resourceVersion that was compacted', async () => {
    await api.kubectl('create', 'configmap', 'old', '--from-literal=a=1');
    const old = await versionOf('old');
    await api.kubectl('create', 'configmap', 'new', '--from-literal=a=1');
    await api.compactEtcd();
    // Its watch cache remembers what etcd has forgotten.
    await api.killApiServer();
    await api.startAgain();
    const path = `/api/v1/namespaces/default/configmaps?watch=true&timeoutSeconds=5&resourceVersion=${old}`;
    const answer = await api.kubectl('get', '--raw', path).catch(String);
    expect(answer).to.match(/"code":410|too old resource version/);
  });
});

describe('a launched NATS', () => {
  it('has the messages again after it was killed, and leaves no folder', async () => {
    const nats = await startNats();
    const publish = await connect({ servers: nats.url });
    await (await jetstreamManager(publish)).streams.add({ name: 's', subjects: ['s'] });
    await jetstream(publish).publish('s', 'one');
    await publish.close();
    await nats.kill();
    await nats.startAgain();
    const read = await connect({ servers: nats.url });
    expect((await (await jetstreamManager(read)).streams.info('s')).state.messages).to.equal(1);
    await read.close();
    await nats.stop();
    expect(await accepts(Number(new URL(nats.url).port))).to.be.false;
  });
});

describe('a launched MongoDB', () => {
  it('listens, and again after it was killed', async () => {
    const mongo = await startMongo();
    const port = Number(new URL(mongo.url).port);
    expect(await accepts(port)).to.be.true;
    await mongo.kill();
    expect(await accepts(port)).to.be.false;
    await mongo.startAgain();
    expect(await accepts(port)).to.be.true;
    await mongo.stop();
  });
});

describe('a launched part', () => {
  it('that ends before it is ready fails the start with what it wrote', async () => {
    const part = new ManagedProcess({
      name: 'broken',
      command: '/bin/sh',
      args: ['-c', 'echo no such flag >&2; exit 3'],
      ready: () => Promise.resolve(false),
    });
    const error = await part.start().then(() => '', String);
    expect(error).to.contain('no such flag').and.to.contain('3');
  });

  for (const signal of ['SIGKILL', 'SIGTERM']) {
    it(`is gone with its folder after ${signal} of the process that started it`, async () => {
      const script = `
        import { startNats } from './test/launch/nats.ts';
        import { temporaryFolder } from './tools/real-parts/temporary.ts';
        const folder = await temporaryFolder('orphan');
        console.log(new URL((await startNats()).url).port, folder);
        process.kill(process.pid, '${signal}');
        setInterval(() => {}, 1000);`;
      const args = ['--input-type=module', '-e', script];
      const failed: unknown = await run(process.execPath, args, { cwd: join(import.meta.dirname, '..') }).then(
        () => undefined,
        (error: unknown) => error,
      );
      const output = failed instanceof Error && 'stdout' in failed ? String(failed.stdout) : '';
      const [port = '', folder = ''] = output.trim().split(' ');
      expect(existsSync(dirname(folder))).to.be.true;
      for (let tries = 0; tries < 50 && ((await accepts(Number(port))) || existsSync(folder)); tries += 1)
        await sleep(100);
      expect(await accepts(Number(port)), 'nats-server still listens').to.be.false;
      expect(existsSync(folder), 'the folder is still there').to.be.false;
    });
  }
});

describe('the lock of a build', () => {
  it('is free again when its holder was killed', async () => {
    const file = join(await temporaryFolder('lock'), 'lock');
    const holder = `
      import { tryLock } from './tools/real-parts/lock.ts';
      await tryLock('${file}');
      process.kill(process.pid, 'SIGKILL');`;
    const unlock = await tryLock(file);
    expect(await tryLock(file)).to.equal(undefined);
    unlock?.();
    const args = ['--input-type=module', '-e', holder];
    await run(process.execPath, args, { cwd: join(import.meta.dirname, '..') }).catch(() => undefined);
    const again = await tryLock(file);
    expect(again).to.be.a('function');
    again?.();
  });
});
