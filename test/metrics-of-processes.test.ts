/** Each process has /metrics on its health port, whatever of the others is there; and its log shows no secret. */
import { execFile } from 'node:child_process';
import { writeFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { temporaryFolder } from '../tools/real-parts/temporary.ts';
import { nodeProcess, root } from './launch/node-process.ts';

const nobody = 'http://127.0.0.1:1';
const cluster = {
  clusters: [{ name: 'c', cluster: { server: nobody } }],
  contexts: [{ name: 'c', context: { cluster: 'c' } }],
};
const kubeconfig = JSON.stringify({ apiVersion: 'v1', kind: 'Config', ...cluster, 'current-context': 'c' });

/** A process of each kind, with nothing of what it talks to. */
const processes: Record<string, (folder: string) => Record<string, string>> = {
  operator: () => ({ NATS_URL: 'nats://127.0.0.1:1' }),
  api: (folder) => ({ SECRET_TOKEN: 'planted-secret-token', PORT: '0', KEPTN_DATA_DIR: folder }),
  bridge: () => ({ SECRET_TOKEN: 'planted-secret-token', PORT: '0', API_URI: nobody }),
  'configuration-service': (folder) => ({
    KEPTN_DATA_DIR: join(folder, 'git'),
    KEPTN_API_TOKEN: 'planted-secret-token',
    PORT: '0',
  }),
  'mongodb-datastore': (folder) => ({ KEPTN_STORE: join(folder, 'events.sqlite'), PORT: '0' }),
  eventbroker: () => ({ RCV_PORT: '0' }),
  distributor: () => ({ PUBSUB_TOPIC: 'sh.keptn.>', PUBSUB_RECIPIENT: '127.0.0.1' }),
  'helm-service': () => ({}),
  'remediation-service': () => ({ UNLEASH_TOKEN: 'planted-secret-token' }),
};

describe('every process', () => {
  let folder: string;
  before(async () => {
    folder = await temporaryFolder('metrics');
    await writeFile(join(folder, 'kubeconfig'), kubeconfig);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  for (const [script, own] of Object.entries(processes)) {
    it(`has metrics, and shows no secret in its log: ${script}`, async () => {
      const common = { PUBSUB_URL: 'nats://127.0.0.1:1', KUBECONFIG: join(folder, 'kubeconfig'), LOG_LEVEL: 'debug' };
      const env = { ...common, KEPTN_LISTEN_HOST: '127.0.0.1', ...own(folder) };
      const started = await nodeProcess(script, { env, port: 'KEPTN_HEALTH_PORT', ready: '/healthz' });
      try {
        await started.start();
        const text = await (await fetch(`${started.url}/metrics`)).text();
        expect(text).to.match(/^keptn_build_info\{version="\d+\.\d+\.\d+"\} 1$/m);
        expect(text).to.match(/^process_resident_memory_bytes \d+$/m);
        // The operator connects once it knows what is declared.
        const hasBus = !['operator', 'bridge', 'configuration-service'].includes(script);
        if (hasBus) expect(text).to.match(/^keptn_bus_connected 0$/m);
      } finally {
        await started.end('SIGKILL');
      }
      expect(started.output()).to.not.include('planted-secret');
    });
  }
});

describe('a log', () => {
  it('writes no value of a key that is named as a secret, however deep it lies', async () => {
    const said = `
      const { createLog } = await import(${JSON.stringify(join(root, 'lib/observe/log.ts'))});
      const secrets = { token: 's3cr3t', gitToken: 's3cr3t', password: 's3cr3t', authorization: 's3cr3t', 'x-token': 's3cr3t', cookie: 's3cr3t' };
      createLog('test').info({ project: 'shop', ...secrets, request: { headers: secrets }, data: secrets }, 'said');`;
    const { stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', said]);
    expect(JSON.parse(stderr)).to.deep.include({ project: 'shop', msg: 'said', token: '[Redacted]' });
    expect(stderr).to.not.include('s3cr3t');
  });
});
