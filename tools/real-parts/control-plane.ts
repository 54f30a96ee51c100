/** A Kubernetes control plane on loopback: etcd and kube-apiserver, and on demand the controllers and simulated nodes. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { basename, dirname, join } from 'node:path';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { freePort } from './free-port.ts';
import { locate } from './locate.ts';
import { ManagedProcess } from './managed-process.ts';

export interface ControlPlane {
  /** File of a kubeconfig with all rights. */
  kubeconfig: string;
  url: string;
  /** Bearer token of the kubeconfig's user, who is in system:masters. */
  token: string;
  etcdUrl: string;
  etcd: ManagedProcess;
  apiServer: ManagedProcess;
  /** True once the API server answers with what it must have. */
  ready(): Promise<boolean>;
}

const keysSchema = z.object({ token: z.string(), apiPort: z.int(), etcdPort: z.int(), peerPort: z.int() });
type Keys = z.infer<typeof keysSchema>;

/** Ports and secrets of a folder: made once, so that a second start has the same kubeconfig. */
async function keysOf(directory: string): Promise<Keys> {
  const file = join(directory, 'keys.json');
  try {
    return keysSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    const keys = {
      token: randomBytes(24).toString('hex'),
      apiPort: await freePort(),
      etcdPort: await freePort(),
      peerPort: await freePort(),
    };
    await mkdir(directory, { recursive: true });
    const secret = { mode: 0o600 };
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    await writeFile(join(directory, 'service-account.key'), privateKey, secret);
    await writeFile(join(directory, 'tokens.csv'), `${keys.token},admin,admin,system:masters\n`, secret);
    await writeFile(join(directory, 'kubeconfig'), kubeconfigOf(keys), secret);
    // Last: where it is, the others are.
    await writeFile(file, JSON.stringify(keys), secret);
    return keys;
  }
}

function kubeconfigOf({ token, apiPort }: Keys): string {
  const name = 'keptn-local';
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    // The certificate is the server's own, made at its first start; it listens on loopback alone.
    clusters: [{ name, cluster: { server: `https://127.0.0.1:${apiPort}`, 'insecure-skip-tls-verify': true } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  });
}

export interface ControlPlaneOptions {
  /** Further flags of the API server. */
  apiServerArgs?: readonly string[];
  /** True where the objects are worth more than the test that made them: etcd then syncs to disk. */
  sync?: boolean;
}

/** Finds the programs and makes the folder; nothing is started. */
export async function prepareControlPlane(
  directory: string,
  { apiServerArgs = [], sync = false }: ControlPlaneOptions = {},
): Promise<ControlPlane> {
  const { token, apiPort, etcdPort, peerPort } = await keysOf(directory);
  const kubeconfig = join(directory, 'kubeconfig');
  const [etcd, apiServer] = [await locate('etcd'), await locate('kube-apiserver')];
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const peerUrl = `http://127.0.0.1:${peerPort}`;
  const key = join(directory, 'service-account.key');
  const url = `https://127.0.0.1:${apiPort}`;
  // Anybody may ask for /readyz, once the rules that say so are there.
  const ready = (): Promise<boolean> => isHealthy(`${url}/readyz`);
  return {
    kubeconfig,
    url,
    token,
    etcdUrl,
    ready,
    etcd: new ManagedProcess({
      name: 'etcd',
      command: etcd,
      args: [
        ...['--data-dir', join(directory, 'etcd'), '--log-level', 'warn', ...(sync ? [] : ['--unsafe-no-fsync'])],
        ...['--listen-client-urls', etcdUrl, '--advertise-client-urls', etcdUrl],
        ...[
          '--listen-peer-urls',
          peerUrl,
          '--initial-advertise-peer-urls',
          peerUrl,
          '--initial-cluster',
          `default=${peerUrl}`,
        ],
      ],
      ready: async () => (await fetch(`${etcdUrl}/health`)).ok,
    }),
    apiServer: new ManagedProcess({
      name: 'kube-apiserver',
      command: apiServer,
      args: [
        ...[
          `--etcd-servers=${etcdUrl}`,
          '--bind-address=127.0.0.1',
          `--secure-port=${apiPort}`,
          `--cert-dir=${join(directory, 'certificates')}`,
        ],
        ...[
          `--token-auth-file=${join(directory, 'tokens.csv')}`,
          '--authorization-mode=RBAC',
          '--service-cluster-ip-range=10.96.0.0/16',
        ],
        ...[
          `--service-account-key-file=${key}`,
          `--service-account-signing-key-file=${key}`,
          '--service-account-issuer=https://keptn.local',
        ],
        ...['--disable-admission-plugins=ServiceAccount', ...apiServerArgs],
      ],
      ready,
      seconds: 60,
    }),
  };
}

/** Asks without looking at the certificate: it is the server's own, and nothing secret is sent. */
function isHealthy(url: string): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const request = get(url, { rejectUnauthorized: false, agent: false, timeout: 2_000 }, (answer) => {
    answer.resume();
    resolve(answer.statusCode === 200);
  });
  request.on('timeout', () => request.destroy(new Error('no answer'))).on('error', reject);
  return promise;
}

const stageSchema = z.looseObject({
  spec: z.looseObject({
    resourceRef: z.looseObject({ kind: z.string() }),
    selector: z.looseObject({ matchExpressions: z.array(z.unknown()).default([]) }).prefault({}),
  }),
});

/** What kwok plays, for the pods of all namespaces but one. */
async function stagesWithout(namespace: string, files: readonly string[], directory: string): Promise<string[]> {
  const elsewhere = { key: '.metadata.namespace', operator: 'NotIn', values: [namespace] };
  return Promise.all(
    files.map(async (file) => {
      const stage = stageSchema.parse(parse(await readFile(file, 'utf8')));
      if (stage.spec.resourceRef.kind === 'Pod') stage.spec.selector.matchExpressions.push(elsewhere);
      const written = join(directory, basename(file));
      await writeFile(written, stringify(stage));
      return written;
    }),
  );
}

export interface NodesOptions {
  /** A namespace whose pods somebody else runs and reports on. */
  except?: string;
}

/** The controllers, the scheduler and three simulated nodes: Deployments become available on it. */
export async function prepareNodes(
  { kubeconfig }: Pick<ControlPlane, 'kubeconfig'>,
  { except }: NodesOptions = {},
): Promise<ManagedProcess[]> {
  const key = join(dirname(kubeconfig), 'service-account.key');
  const [controllers, scheduler, kwok] = [
    await locate('kube-controller-manager'),
    await locate('kube-scheduler'),
    await locate('kwok'),
  ];
  const [controllerPort, schedulerPort, kwokPort] = [await freePort(), await freePort(), await freePort()];
  const folder = dirname(kwok);
  const given = ['node-initialize', 'node-heartbeat', 'pod-ready', 'pod-complete', 'pod-delete'].map((name) =>
    join(folder, `${name}.yaml`),
  );
  for (const stage of given) await access(stage);
  const stages = except === undefined ? given : await stagesWithout(except, given, dirname(kubeconfig));
  // Both serve their health on a self-signed certificate.
  const answers = (url: string) => (): Promise<boolean> => isHealthy(url);
  return [
    new ManagedProcess({
      name: 'kube-controller-manager',
      command: controllers,
      args: [
        ...[
          `--kubeconfig=${kubeconfig}`,
          `--service-account-private-key-file=${key}`,
          '--leader-elect=false',
          '--use-service-account-credentials=false',
        ],
        ...[
          '--bind-address=127.0.0.1',
          `--secure-port=${controllerPort}`,
          `--cert-dir=${join(dirname(kubeconfig), 'controller-certificates')}`,
        ],
      ],
      ready: answers(`https://127.0.0.1:${controllerPort}/healthz`),
    }),
    new ManagedProcess({
      name: 'kube-scheduler',
      command: scheduler,
      args: [
        `--kubeconfig=${kubeconfig}`,
        '--leader-elect=false',
        '--bind-address=127.0.0.1',
        `--secure-port=${schedulerPort}`,
      ],
      ready: answers(`https://127.0.0.1:${schedulerPort}/healthz`),
    }),
    new ManagedProcess({
      name: 'kwok',
      command: kwok,
      args: [
        `--kubeconfig=${kubeconfig}`,
        '--manage-all-nodes=true',
        `--server-address=127.0.0.1:${kwokPort}`,
        ...stages.map((stage) => `--config=${stage}`),
      ],
      ready: async () => (await fetch(`http://127.0.0.1:${kwokPort}/healthz`)).ok,
    }),
  ];
}
