/**
 * A cluster in which Keptn is installed as people install it: the objects of the operator applied, its pod and those of
 * all parts run as processes of this machine, each under its own ServiceAccount.
 */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { operatorObjects } from '../../lib/installation/operator.ts';
import { messageOf } from '../../lib/errors/classes.ts';
import { temporaryFolder } from '../../tools/real-parts/temporary.ts';
import { startApiServer, type ApiServer } from './api-server.ts';
import { auditIn, type Request } from './audit.ts';
import { runMongo, runNats, runNode } from './container.ts';
import { Kubelet } from './kubelet.ts';
import { root } from './node-process.ts';
import { startNodes } from './nodes.ts';

/** Of the processes: their code is that of this folder, whatever the tag says. */
const IMAGE = 'registry.example/keptn';
export const imageOf = (tag: string): string => `${IMAGE}:${tag}`;

export interface WholeInstallation {
  api: ApiServer;
  kubelet: Kubelet;
  namespace: string;
  kubectl(...args: string[]): Promise<string>;
  /** By server-side apply; into the namespace, unless they say otherwise. */
  apply(objects: readonly object[]): Promise<void>;
  /** A file for a command; its path. */
  write(name: string, objects: readonly object[]): Promise<string>;
  /** Waits for a condition of an object of the namespace. */
  wait(condition: string, object: string): Promise<void>;
  /** Waits until the test holds; fails with what the processes that are not ready say. */
  until(what: string, test: () => Promise<boolean>, seconds?: number): Promise<void>;
  /** What our ServiceAccounts have asked the API server for. */
  requests(): Promise<Request[]>;
  stop(): Promise<void>;
}

/** An operator that runs, and no installation yet. */
export async function startWholeInstallation(namespace = 'keptn'): Promise<WholeInstallation> {
  const folder = await temporaryFolder('installation');
  const audit = await auditIn(folder, namespace);
  const api = await startApiServer({ apiServerArgs: audit.apiServerArgs });
  const nodes = await startNodes(api, { except: namespace });
  const programs = {
    [IMAGE]: runNode,
    'docker.io/library/nats': runNats,
    'docker.io/library/mongo': runMongo,
  };
  const kubelet = new Kubelet({ kubeconfig: api.kubeconfig, namespace, folder, programs });
  const kubectl = (...args: string[]): Promise<string> => api.kubectl(...args);
  const write = async (name: string, objects: readonly object[]): Promise<string> => {
    const file = join(folder, name);
    await writeFile(file, objects.map((object) => stringify(object, { version: '1.1' })).join('---\n'));
    return file;
  };
  const installed: WholeInstallation = {
    ...{ api, kubelet, namespace, kubectl, write, requests: () => audit.requests() },
    async apply(objects) {
      const file = await write('applied.yaml', objects);
      await kubectl('apply', '--server-side', '--force-conflicts', '-n', namespace, '-f', file);
    },
    async wait(condition, object) {
      await kubectl('wait', `--for=condition=${condition}`, object, '-n', namespace, '--timeout=120s').catch(
        async (error: unknown) => {
          const found = await kubectl('get', object, '-n', namespace, '-o', 'yaml');
          throw new Error(`${messageOf(error)}\n${found}\n${kubelet.output()}`);
        },
      );
    },
    async until(what, test, seconds = 60) {
      let reason = '';
      for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(250)) {
        if (await test().catch((error: unknown) => ((reason = messageOf(error)), false))) return;
      }
      throw new Error(`not in ${seconds} s: ${what}\n${reason}\n${kubelet.output()}`);
    },
    async stop() {
      await kubelet.stop();
      await nodes.stop();
      await api.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  kubelet.start();
  await kubectl('apply', '-k', join(root, 'crds'));
  await installed.apply(operatorObjects({ namespace, image: imageOf('0.1.0') }));
  return installed;
}
