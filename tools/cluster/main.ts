/** `npm run cluster`: a local Kubernetes control plane with three simulated nodes and a NATS, to try things on. */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Command } from 'commander';
import { messageOf } from '../../lib/errors/classes.ts';
import { prepareControlPlane, prepareNodes } from '../real-parts/control-plane.ts';
import { locate } from '../real-parts/locate.ts';
import { tryLock } from '../real-parts/lock.ts';
import type { ManagedProcess } from '../real-parts/managed-process.ts';
import { prepareNats } from '../real-parts/nats-server.ts';
import { simulatedNodes } from '../real-parts/simulated-nodes.ts';

const run = promisify(execFile);

const { data } = new Command('npm run cluster --')
  .description('Starts etcd, kube-apiserver, controller-manager, scheduler, kwok with three simulated nodes, and NATS.')
  .option('--data <folder>', 'where the cluster is kept; a second start has the same objects', '.keptn/cluster')
  .parse()
  .opts<{ data: string }>();

const directory = resolve(data);
const shown = relative(process.cwd(), directory) || '.';
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());

async function step(name: string, what: () => Promise<void>): Promise<void> {
  const began = Date.now();
  if (stop.signal.aborted) throw new Error('stopped before all parts were up');
  await what();
  console.log(`${name.padEnd(26)} ready in ${((Date.now() - began) / 1000).toFixed(1)} s`);
}

await mkdir(directory, { recursive: true });
const unlock = await tryLock(join(directory, 'lock'));
if (!unlock) {
  console.error(`Another \`npm run cluster\` runs on ${shown}: use it, or give this one its own folder with --data.`);
  process.exit(1);
}
const running: ManagedProcess[] = [];
try {
  const plane = await prepareControlPlane(directory, { sync: true });
  const nats = await prepareNats(directory);
  for (const part of [nats.server, plane.etcd, plane.apiServer, ...(await prepareNodes(plane))]) {
    running.push(part);
    await step(part.name, () => part.start());
  }
  const kubectl = await locate('kubectl');
  await step('three simulated nodes', async () => {
    const file = join(directory, 'nodes.yaml');
    await writeFile(file, simulatedNodes);
    await run(kubectl, ['--kubeconfig', plane.kubeconfig, 'apply', '-f', file]);
    await run(kubectl, [
      '--kubeconfig',
      plane.kubeconfig,
      'wait',
      '--for=condition=Ready',
      'nodes',
      '--all',
      '--timeout=60s',
    ]);
  });
  console.log(`
The cluster runs; ${shown} keeps its objects. In another terminal:

  export KUBECONFIG=${plane.kubeconfig}
  kubectl get nodes
  kubectl apply -k crds
  export KEPTN_LISTEN_HOST=127.0.0.1
  export PUBSUB_URL=${nats.url}
  KEPTN_HEALTH_PORT=8093 npm run configuration-service &
  RCV_PORT=8090 KEPTN_HEALTH_PORT=8091 npm run eventbroker &
  KEPTN_STORE=${shown}/history.sqlite PORT=8092 KEPTN_HEALTH_PORT=8094 npm run mongodb-datastore &
  npm run operator -- --configuration-service http://127.0.0.1:8080 --nats ${nats.url} &
  kubectl apply -k examples/sockshop

Ctrl-C stops it.`);
  const aborted = new Promise<undefined>((done) => {
    if (stop.signal.aborted) done(undefined);
    stop.signal.addEventListener('abort', () => done(undefined), { once: true });
  });
  const dead = await Promise.race([aborted, ...running.map((part) => part.ended().then(() => part))]);
  if (dead) throw new Error(`${dead.name} has ended by itself:\n${dead.output()}`);
  console.log('Stopping …');
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
} finally {
  for (const part of running.reverse()) await part.end('SIGTERM');
  unlock();
}
