/** Parts that the user has: a cluster (TEST_KUBECONFIG) and a NATS (NATS_URL), for tests that neither kill nor restart them. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { locate } from '../../tools/real-parts/locate.ts';
import { startApiServer } from './api-server.ts';
import { startNats } from './nats.ts';

const run = promisify(execFile);
const streams = ['keptn', 'keptn-dead'];

export interface UsableCluster {
  kubeconfig: string;
  /** Output of kubectl; rejects with what it wrote on stderr. */
  kubectl(...args: string[]): Promise<string>;
  stop(): Promise<void>;
}

export interface UsableNats {
  url: string;
  stop(): Promise<void>;
}

/** The given cluster when it has no objects of ours, or one that is started. */
export async function usableCluster(): Promise<UsableCluster> {
  const kubeconfig = process.env['TEST_KUBECONFIG'];
  if (!kubeconfig) return startApiServer();
  const program = await locate('kubectl');
  const kubectl = async (...args: string[]): Promise<string> => {
    try {
      return (await run(program, ['--kubeconfig', kubeconfig, ...args], { maxBuffer: 1 << 28 })).stdout;
    } catch (error) {
      throw new Error(error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error), {
        cause: error,
      });
    }
  };
  const known = await kubectl('api-resources', '--categories=keptn', '-o', 'name');
  const found = known.trim() === '' ? '' : await kubectl('get', 'keptn', '-A', '-o', 'name');
  if (found.trim() !== '')
    throw new Error(`the cluster of TEST_KUBECONFIG has objects already: give one without\n${found}`);
  return {
    kubeconfig,
    kubectl,
    stop: async () => void (await kubectl('delete', 'keptn', '-A', '--all', '--timeout=60s')),
  };
}

/** The given NATS when it has no stream of ours, or one that is started. */
export async function usableNats(): Promise<UsableNats> {
  const url = process.env['NATS_URL'];
  if (!url) return startNats();
  const connection = await connect({ servers: url.split(',') });
  const manager = await jetstreamManager(connection);
  const names = await manager.streams.names().next();
  if (names.some((name) => streams.includes(name))) {
    await connection.close();
    throw new Error('the NATS of NATS_URL has a stream "keptn" already: give one without');
  }
  return {
    url,
    async stop() {
      for (const name of streams) await manager.streams.delete(name).catch(() => undefined);
      await connection.close();
    },
  };
}
