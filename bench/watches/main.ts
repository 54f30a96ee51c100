/**
 * Which watch survives: `npm run bench -- watches`. Observers on @dot-i/k8s-operator 1.3.9 (installed into a temporary
 * folder: it holds client-node ^0.20, which is no dependency of ours) and on our reflector follow 5,000 Resources.
 * Then the observers are suspended, the API server killed and restarted, ten Resources deleted and ten changed, and etcd
 * compacted, so that the watch's resourceVersion has expired (410); and the observers go on.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { custom, startOwnWorld } from '../../test/launch/world.ts';

const run = promisify(execFile);
const OBJECTS = 5_000;
const TOUCHED = 10;

interface Observer {
  name: string;
  child: ChildProcess;
  lines: string[];
}

function observe(name: string, script: string, kubeconfig: string): Observer {
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, KUBECONFIG: kubeconfig, NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_NO_WARNINGS: '1' },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const lines: string[] = [];
  createInterface(child.stdout).on('line', (line) => lines.push(line));
  return { name, child, lines };
}

const count = (lines: readonly string[], verb: string): number =>
  lines.filter((line) => line.startsWith(`${verb} `)).length;
const alive = ({ child }: Observer): boolean => child.exitCode === null && child.signalCode === null;

const folder = await mkdtemp(join(tmpdir(), 'keptn-watches-'));
const world = await startOwnWorld({ without: ['operator', 'configuration'] });
try {
  await run('npm', ['install', '--prefix', folder, '--no-audit', '--no-fund', '@dot-i/k8s-operator@1.3.9'], {
    cwd: folder,
  });
  await cp(join(import.meta.dirname, 'dot-i.cjs'), join(folder, 'dot-i.cjs'));
  for (let from = 0; from < OBJECTS; from += 1000) {
    await world.apply(
      Array.from({ length: 1000 }, (_, index) =>
        custom('Resource', `r${from + index}`, { project: 'p', uri: `${from + index}.txt`, text: 'a' }),
      ),
    );
  }
  const observers = [
    observe('@dot-i/k8s-operator 1.3.9', join(folder, 'dot-i.cjs'), world.api.kubeconfig),
    observe('our reflector', join(import.meta.dirname, 'ours.ts'), world.api.kubeconfig),
  ];
  const begin = Date.now();
  while (
    observers.some((observer) => alive(observer) && count(observer.lines, 'add') < OBJECTS) &&
    Date.now() - begin < 60_000
  )
    await sleep(100);
  const listed = observers.map(({ lines }) => count(lines, 'add'));

  for (const { child } of observers) child.kill('SIGSTOP');
  await world.api.killApiServer();
  await world.api.startAgain();
  const names = Array.from({ length: TOUCHED }, (_, index) => `r${index}`);
  await world.kubectl('delete', 'resources.keptn.sh', ...names);
  await world.apply(
    Array.from({ length: TOUCHED }, (_, index) =>
      custom('Resource', `r${100 + index}`, { project: 'p', uri: `${100 + index}.txt`, text: 'b' }),
    ),
  );
  await world.api.compactEtcd();
  for (const { child, lines } of observers) {
    lines.length = 0;
    child.kill('SIGCONT');
  }
  await sleep(15_000);
  await world.apply([custom('Resource', 'after', { project: 'p', uri: 'after.txt', text: 'a' })]);
  await sleep(3_000);
  console.table(
    observers.map((observer, index) => ({
      watch: observer.name,
      'listed of 5,000': listed[index],
      'process afterwards': alive(observer) ? 'runs' : `ended with ${observer.child.exitCode}`,
      'deletions seen of 10': count(observer.lines, 'delete'),
      'changes seen of 10': names.filter((_, at) => observer.lines.some((line) => line.endsWith(` r${100 + at}`)))
        .length,
      'unchanged told again': new Set(
        observer.lines.filter((line) => /^(add|update) r/.test(line) && !/ r10\d$/.test(line)),
      ).size,
      'sees new objects': observer.lines.some((line) => line.endsWith(' after')),
    })),
  );
  for (const { child } of observers) child.kill('SIGKILL');
} finally {
  await world.stop();
  await rm(folder, { recursive: true, force: true });
}
process.exit(0);
