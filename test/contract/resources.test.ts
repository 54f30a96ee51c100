/** The ResourceStore port's contract on both adapters: a folder of files, and a real API server. */
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { createLog } from '../../lib/observe/log.ts';
import { resourceStoreContract, type Declaration } from '../../lib/resources/contract.ts';
import { createDirectoryStore } from '../../lib/resources/directory/store.ts';
import { createKubernetesStore, loadKubeConfig } from '../../lib/resources/kubernetes/store.ts';
import { startApiServer, type ApiServer } from '../launch/api-server.ts';
import { root } from '../launch/node-process.ts';

const log = createLog('resources-test', 'silent');

resourceStoreContract('a directory', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'keptn-resources-'));
  const directory = join(folder, 'manifests');
  await mkdir(directory);
  const problems: string[] = [];
  const open = () =>
    createDirectoryStore({
      directory,
      stateDirectory: join(folder, 'state'),
      log,
      onProblem: ({ message }) => problems.push(message),
    });
  const pathOf = (kind: string, name: string): string => join(directory, `${kind}-${name}.yaml`);
  const put = async (object: Declaration): Promise<void> => {
    const path = pathOf(object.kind, object.metadata.name);
    await writeFile(`${path}.swp`, stringify(object));
    await rename(`${path}.swp`, path);
  };
  return {
    store: open(),
    namespace: 'contract',
    put,
    async refusal(object) {
      const before = problems.length;
      await put(object);
      while (problems.length === before) await sleep(10);
      return problems.slice(before).join('\n');
    },
    delete: (kind, name) => rm(pathOf(kind, name)),
    reopen: async () => open(),
    cleanup: () => rm(folder, { recursive: true, force: true }),
  };
});

describe('with an API server', () => {
  let api: ApiServer;
  let directory: string;
  let serial = 0;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keptn-resources-'));
    api = await startApiServer();
    await api.kubectl('apply', '-k', join(root, 'crds'));
    await api.kubectl('wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all');
  });
  after(async () => {
    await api.stop();
    await rm(directory, { recursive: true, force: true });
  });

  resourceStoreContract('Kubernetes', async () => {
    serial += 1;
    const namespace = `contract-${serial}`;
    await api.kubectl('create', 'namespace', namespace);
    const open = () => createKubernetesStore({ config: loadKubeConfig(api.kubeconfig), log });
    const put = async (object: Declaration): Promise<void> => {
      const path = join(directory, 'object.yaml');
      await writeFile(path, stringify(object));
      await api.kubectl('apply', '--server-side', '-f', path);
    };
    const resourceOf = (kind: string): string => (kind.endsWith('Map') ? kind : `${kind.toLowerCase()}s.keptn.sh`);
    return {
      store: open(),
      namespace,
      put,
      refusal: (object) => put(object).then(() => 'it was accepted', String),
      delete: async (kind, name) =>
        void (await api.kubectl('delete', '--wait=false', '-n', namespace, resourceOf(kind), name)),
      reopen: async () => open(),
      cleanup: async () => undefined,
    };
  });
});
