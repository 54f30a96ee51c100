/**
 * How fast declared objects become Git commits and Ready: `npm run bench -- reconcile`. Runs the operator and the
 * configuration-service as processes against a real kube-apiserver and NATS, with 200 and with 2,000 Resources, and
 * then changes one Resource on the idle system again and again.
 */
import { readFile } from 'node:fs/promises';
import { CustomObjectsApi } from '@kubernetes/client-node';
import { setTimeout as sleep } from 'node:timers/promises';
import { Caller } from '../lib/resources/kubernetes/calls.ts';
import { createKubernetesStore, loadKubeConfig } from '../lib/resources/kubernetes/store.ts';
import { holds } from '../lib/model/status.ts';
import { createLog } from '../lib/observe/log.ts';
import { custom, isReady, startWorld, type World } from '../test/launch/world.ts';

const address = { group: 'keptn.sh', version: 'v1alpha1', namespace: 'default', plural: 'resources' };

const quantile = (values: readonly number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? NaN;
const ms = (value: number): string => `${value.toFixed(0)} ms`;

/** Resident memory of a process in MB. */
async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

/** Tells when each generation of each Resource is Ready. */
async function followReady(world: World): Promise<{
  readyAt: Map<string, number>;
  wait: (key: string) => Promise<void>;
  stop: () => Promise<void>;
}> {
  const readyAt = new Map<string, number>();
  const waiting = new Map<string, () => void>();
  const store = createKubernetesStore({
    config: loadKubeConfig(world.api.kubeconfig),
    log: createLog('bench', 'silent'),
  });
  await store.follow(({ object }) => {
    const key = `${object.metadata.name}/${object.metadata.generation}`;
    if (object.kind !== 'Resource' || !holds(object, 'Ready') || readyAt.has(key)) return;
    readyAt.set(key, performance.now());
    waiting.get(key)?.();
  });
  const wait = (key: string): Promise<void> =>
    readyAt.has(key) ? Promise.resolve() : new Promise((resolve) => waiting.set(key, resolve));
  return { readyAt, wait, stop: () => store.close() };
}

async function many(projects: number, each: number): Promise<Record<string, string>> {
  const world = await startWorld({ env: { LOG_LEVEL: 'warn' } });
  try {
    const caller = new Caller();
    const api = loadKubeConfig(world.api.kubeconfig).makeApiClient(CustomObjectsApi);
    const names = Array.from({ length: projects }, (_, index) => `p${index}`);
    await world.apply(
      names.map((name) =>
        custom('Project', name, { shipyard: { stages: [{ name: 'dev', deployment_strategy: 'direct' }] } }),
      ),
    );
    await world.until('the projects are Ready', (seen) => seen.length === 2 * projects && seen.every(isReady));
    const { readyAt, wait, stop } = await followReady(world);
    const applied = new Map<string, number>();
    const begin = performance.now();
    const queue = names.flatMap((project) =>
      Array.from({ length: each }, (_, index) => ({ project, name: `${project}-${index}`, uri: `files/${index}.txt` })),
    );
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        for (let next = queue.pop(); next; next = queue.pop()) {
          const { project, name, uri } = next;
          const body = custom('Resource', name, { project, uri, text: `${name}\n` });
          await caller.timed((options) => api.createNamespacedCustomObject({ ...address, body }, options));
          applied.set(`${name}/1`, performance.now());
        }
      }),
    );
    const created = performance.now() - begin;
    await Promise.all([...applied.keys()].map(wait));
    const total = performance.now() - begin;
    const times = [...applied].map(([key, at]) => (readyAt.get(key) ?? NaN) - at);
    const memory = await memoryOf(world.operator.pid ?? 0);

    // A file of a chart in delivery: each change is a commit, an event and Ready.
    const chart = (text: string): object => ({ project: 'p0', service: 'carts', uri: 'helm/carts/values.yaml', text });
    await world.apply([
      custom('Service', 'carts', { project: 'p0', artifact: { image: 'carts:1' } }),
      custom('Resource', 'chart', chart('a: 1')),
    ]);
    await world.until('the chart is in delivery', (seen) =>
      seen.filter(({ metadata }) => ['carts', 'chart'].includes(metadata.name)).every(isReady),
    );
    const changes: number[] = [];
    for (let round = 2; round < 102; round += 1) {
      await sleep(50);
      const at = performance.now();
      const change = { ...address, name: 'chart', body: { spec: { text: `a: ${round}\n` } } };
      await caller.timed((options) => api.patchNamespacedCustomObject(change, options), 'merge');
      await wait(`chart/${round}`);
      changes.push((readyAt.get(`chart/${round}`) ?? NaN) - at);
    }
    const announced = (await world.events()).filter(({ type }) => type.endsWith('configuration.change')).length;
    if (announced !== changes.length + 1)
      throw new Error(`${announced} events for ${changes.length} changes and one delivery`);
    await stop();
    return {
      Resources: String(projects * each),
      'all Ready': `${(total / 1000).toFixed(1)} s`,
      'created in': `${(created / 1000).toFixed(1)} s`,
      'objects/s': ((projects * each * 1000) / total).toFixed(0),
      'apply→Ready p50': ms(quantile(times, 0.5)),
      p99: ms(quantile(times, 0.99)),
      'operator memory': `${memory.toFixed(0)} MB`,
      'one change p50': ms(quantile(changes, 0.5)),
      'one change p99': ms(quantile(changes, 0.99)),
    };
  } finally {
    await world.stop();
  }
}

console.table([await many(20, 10), await many(20, 100)]);
process.exit(0);
