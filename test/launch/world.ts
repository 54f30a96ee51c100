/** A whole installation for one test file: API server with our CRDs, NATS, configuration-service and operator as processes. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { stringify } from 'yaml';
import { z } from 'zod';
import { decodeEvent } from '../../lib/events/codec.ts';
import { eventTypes, type KeptnEvent } from '../../lib/events/event.ts';
import { startApiServer } from './api-server.ts';
import { usableCluster, usableNats, type UsableCluster, type UsableNats } from './given.ts';
import { startNats } from './nats.ts';
import { nodeProcess, root, type NodeProcess } from './node-process.ts';

const run = promisify(execFile);

const listSchema = z.object({
  items: z.array(
    z.object({
      kind: z.string(),
      metadata: z.object({ name: z.string(), namespace: z.string(), generation: z.int(), uid: z.string() }),
      status: z
        .object({
          commit: z.string().optional(),
          conditions: z
            .array(z.object({ type: z.string(), status: z.string(), reason: z.string(), message: z.string() }))
            .optional(),
        })
        .optional(),
    }),
  ),
});
export type Seen = z.infer<typeof listSchema>['items'][number];

export interface World<Api extends UsableCluster = UsableCluster, Nats extends UsableNats = UsableNats> {
  api: Api;
  nats: Nats;
  configuration: NodeProcess;
  operator: NodeProcess;
  /** Folder of the Git repositories. */
  gitDirectory: string;
  kubectl(...args: string[]): Promise<string>;
  /** Applies objects, or a kustomization when it is a path. */
  apply(what: string | readonly object[]): Promise<void>;
  /** All objects of our kinds. */
  objects(): Promise<Seen[]>;
  /** Waits until the test holds for what there is; fails with the objects' messages. */
  until(what: string, test: (objects: Seen[]) => boolean | Promise<boolean>, seconds?: number): Promise<void>;
  /** Every event that the bus has stored, in order; log lines aside. */
  events(): Promise<KeptnEvent[]>;
  /** Runs git in a project's repository. */
  git(project: string, ...args: string[]): Promise<string>;
  stop(): Promise<void>;
}

export const isReady = (object: Seen): boolean =>
  object.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;

export const readyMessage = (object: Seen | undefined): string =>
  object?.status?.conditions
    ?.filter((condition) => condition.type === 'Ready')
    .map(({ reason, message }) => `${reason}: ${message}`)[0] ?? '';

export const custom = (kind: string, name: string, spec: object): object => ({
  apiVersion: 'keptn.sh/v1alpha1',
  kind,
  metadata: { name },
  spec,
});

export type OwnWorld = World<Awaited<ReturnType<typeof startApiServer>>, Awaited<ReturnType<typeof startNats>>>;

export interface WorldOptions {
  /** Further environment of the operator. */
  env?: Record<string, string>;
  /** Parts that the test starts itself, later. */
  without?: readonly ('operator' | 'configuration')[];
}

/** On the parts that the user has, where he gives them. */
export async function startWorld(options: WorldOptions = {}): Promise<World> {
  return createWorld(await usableCluster(), await usableNats(), options);
}

/** On parts of its own, which the test may kill and start again. */
export async function startOwnWorld(options: WorldOptions = {}): Promise<OwnWorld> {
  return createWorld(await startApiServer(), await startNats(), options);
}

async function createWorld<Api extends UsableCluster, Nats extends UsableNats>(
  api: Api,
  nats: Nats,
  { env = {}, without = [] }: WorldOptions,
): Promise<World<Api, Nats>> {
  const directory = await mkdtemp(join(tmpdir(), 'keptn-world-'));
  const gitDirectory = join(directory, 'config');
  const kubectl = (...args: string[]): Promise<string> => api.kubectl(...args);
  await kubectl('apply', '-k', join(root, 'crds'));
  await kubectl('wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all');

  const configuration = await nodeProcess('configuration-service', {
    env: {
      KEPTN_DATA_DIR: gitDirectory,
      KEPTN_LISTEN_HOST: '127.0.0.1',
      // The tests' upstreams are on this machine.
      KEPTN_UPSTREAM_INSECURE: 'on',
      LOG_LEVEL: 'warn',
    },
    port: 'PORT',
    ready: '/readyz',
  });
  const operator = await nodeProcess('operator', {
    env: {
      KUBECONFIG: api.kubeconfig,
      NATS_URL: nats.url,
      KEPTN_CONFIGURATION_SERVICE: configuration.url,
      KEPTN_LISTEN_HOST: '127.0.0.1',
      ...env,
    },
    port: 'KEPTN_HEALTH_PORT',
    ready: '/healthz',
  });
  if (!without.includes('configuration')) await configuration.start();
  if (!without.includes('operator')) await operator.start();

  const objects = async (): Promise<Seen[]> =>
    listSchema.parse(JSON.parse(await kubectl('get', 'keptn', '-A', '-o', 'json'))).items;
  return {
    api,
    nats,
    configuration,
    operator,
    gitDirectory,
    kubectl,
    objects,
    async apply(what) {
      if (typeof what === 'string') return void (await kubectl('apply', '-k', join(root, what)));
      const file = join(directory, 'objects.yaml');
      await writeFile(file, what.map((object) => stringify(object)).join('---\n'));
      await kubectl('apply', '--server-side', '-f', file);
    },
    async until(what, test, seconds = 60) {
      const deadline = Date.now() + seconds * 1000;
      for (;;) {
        // The API server may be away in the middle of a test.
        const seen = await objects().catch(() => undefined);
        if (seen && (await test(seen))) return;
        if (Date.now() > deadline)
          throw new Error(`not in ${seconds} s: ${what}\n${describeAll(seen)}\n${operator.output()}`);
        await sleep(200);
      }
    },
    events: () => readEvents(nats.url),
    git: async (project, ...args) =>
      (await run('git', ['-C', join(gitDirectory, `${project}.git`), ...args], { maxBuffer: 1 << 26 })).stdout,
    async stop() {
      // A cluster that stays needs the operator for its finalizers.
      await api.stop();
      await operator.end('SIGTERM');
      await configuration.end('SIGTERM');
      await nats.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function describeAll(seen: Seen[] | undefined): string {
  if (!seen) return 'the API server does not answer';
  return seen
    .filter((object) => !isReady(object))
    .slice(0, 20)
    .map((object) => `${object.kind} ${object.metadata.name}: ${readyMessage(object)}`)
    .join('\n');
}

async function readEvents(url: string): Promise<KeptnEvent[]> {
  const connection = await connect({ servers: url });
  try {
    const manager = await jetstreamManager(connection);
    const events: KeptnEvent[] = [];
    const { state } = await manager.streams.info('keptn');
    for (let seq = state.first_seq; seq <= state.last_seq; seq += 1) {
      const message = await manager.streams.getMessage('keptn', { seq });
      if (message && message.subject !== eventTypes.log) events.push(decodeEvent(message.data));
    }
    return events;
  } finally {
    await connection.close();
  }
}
