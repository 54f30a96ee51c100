/** A kube-apiserver with its etcd; it can be killed and started again on the same port and data. */
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { prepareControlPlane, type ControlPlaneOptions } from '../../tools/real-parts/control-plane.ts';
import { locate } from '../../tools/real-parts/locate.ts';
import { temporaryFolder } from '../../tools/real-parts/temporary.ts';

const run = promisify(execFile);
const rangeSchema = z.object({ header: z.object({ revision: z.string() }) });

export interface ApiServer {
  kubeconfig: string;
  url: string;
  /** Bearer token of the kubeconfig's user. */
  token: string;
  etcdUrl: string;
  /** Output of kubectl; rejects with what it wrote on stderr. */
  kubectl(...args: string[]): Promise<string>;
  /** SIGKILL of the API server; etcd stays. */
  killApiServer(): Promise<void>;
  startAgain(): Promise<void>;
  /** Forgets all revisions but the newest: an older resourceVersion is 410 Gone once no watch cache has it. */
  compactEtcd(): Promise<void>;
  stop(): Promise<void>;
}

export async function startApiServer(options: Omit<ControlPlaneOptions, 'sync'> = {}): Promise<ApiServer> {
  const directory = await temporaryFolder('api');
  const plane = await prepareControlPlane(directory, options);
  const program = await locate('kubectl');
  const { kubeconfig, url, token, etcdUrl } = plane;
  await plane.etcd.start();
  await plane.apiServer.start();
  const ask = async (path: string, body: object): Promise<unknown> => {
    const answer = await fetch(`${etcdUrl}/v3/kv/${path}`, { method: 'POST', body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`etcd refuses ${path}: ${await answer.text()}`);
    return answer.json();
  };
  // What kubectl knows of a server it keeps under its address, for ever: not among the user's own.
  const env = { ...process.env, KUBECACHEDIR: join(directory, 'kubectl') };
  return {
    kubeconfig,
    url,
    token,
    etcdUrl,
    async kubectl(...args) {
      try {
        return (await run(program, ['--kubeconfig', kubeconfig, ...args], { maxBuffer: 1 << 28, env })).stdout;
      } catch (error) {
        throw new Error(error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error), {
          cause: error,
        });
      }
    },
    killApiServer: async () => void (await plane.apiServer.end('SIGKILL')),
    startAgain: () => plane.apiServer.start(),
    async compactEtcd() {
      const { header } = rangeSchema.parse(await ask('range', { key: 'AA==' }));
      await ask('compaction', { revision: header.revision, physical: true });
    },
    async stop() {
      await plane.apiServer.end('SIGKILL');
      await plane.etcd.end('SIGKILL');
      await rm(directory, { recursive: true, force: true });
    },
  };
}
