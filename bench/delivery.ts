/**
 * What Keptn itself adds to a delivery: `npm run bench -- delivery`, about three minutes. Fifty services go through three stages
 * on NATS that syncs each message, each part its own process as in a cluster. Helm is a stand-in that only waits, two to eight
 * seconds as for a quick rollout; in the last row for nothing, so that all fifty want all of Keptn all the time. Times are
 * between events, as the bus has stored them, and without helm's. How much CPU a delivery takes says the same of a machine that
 * others use as well.
 */
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventTypes, textIn, type KeptnEvent } from '../lib/events/event.ts';
import { newImage } from '../lib/delivery/stage.ts';
import { startDeliveryWorld } from '../test/launch/delivery.ts';
import { tinyProject } from '../test/launch/tiny.ts';
import { custom } from '../test/launch/world.ts';
import { cpuBelow } from './cpu.ts';

const SERVICES = 50;
const IDLE_MS = 5_000;
/** Two to eight, by the number of helm's process. */
const SOME_SECONDS = '$((2 + $$ % 7))';
const folder = await mkdtemp(join(tmpdir(), 'keptn-bench-delivery-'));
/** Notes when it was called, and for which release. */
const calls = join(folder, 'calls');
const helm = join(folder, 'helm');

/** `seconds`: for the shell, how long a rollout takes. */
async function helmTakes(seconds: string): Promise<void> {
  const note = `[ "$1" = upgrade ] || exit 0\necho "$(date +%s%N) $3" >> ${calls}`;
  await writeFile(`${helm}.new`, `#!/bin/sh\n${note}\nsleep ${seconds}\n`, { mode: 0o755 });
  await rename(`${helm}.new`, helm);
}
await helmTakes('0');
await writeFile(calls, '');

const world = await startDeliveryWorld({ plain: true, env: { HELM: helm, KEPTN_HELM_PARALLEL: '64' } });

/** Applied in one, or one after another, as fast as kubectl is. */
async function deliver(names: readonly string[], image: string, atOnce: boolean): Promise<void> {
  const spec = (name: string) => ({
    project: 'bench',
    name,
    artifact: { image: `docker.io/example/${name}:${image}` },
  });
  const objects = names.map((name) => custom('Service', `bench-${name}`, spec(name)));
  if (atOnce) await world.apply(objects);
  else for (const object of objects) await world.apply([object]);
  await world.kubectl('wait', '--for=condition=Delivered', 'services.keptn.sh', '--all', '--timeout=300s');
  await sleep(500);
}

type Cpu = ReadonlyMap<string, number>;

function row(what: string, values: readonly number[]) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? NaN).toFixed(0);
  return { what, count: values.length, 'p50 ms': at(0.5), 'p90 ms': at(0.9), 'p99 ms': at(0.99) };
}

/** Milliseconds of CPU by process, the largest first, beyond what each uses in any second (`idle`). */
function usedSince(before: Cpu, seconds: number, idle: Cpu): [string, number][] {
  const used = [...cpuBelow()].map(([name, now]): [string, number] => {
    const more = now - (before.get(name) ?? 0) - seconds * (idle.get(name) ?? 0);
    return [name, more * 1000];
  });
  const all = used.reduce((sum, [, ms]) => sum + ms, 0);
  return [['all', all], ...used.filter(([, ms]) => ms > 0).toSorted(([, a], [, b]) => b - a)];
}

/** Milliseconds from the event of one type to the next of another, in each context, within a stage where `inStage`. */
function between(
  events: readonly KeptnEvent[],
  from: string,
  to: (event: KeptnEvent) => boolean,
  inStage = true,
): number[] {
  return events.flatMap((event, at) => {
    if (event.type !== from) return [];
    const same = (one: KeptnEvent): boolean =>
      one.shkeptncontext === event.shkeptncontext &&
      (!inStage || textIn(one.data, 'stage') === textIn(event.data, 'stage'));
    const next = events.slice(at).find((one) => same(one) && to(one));
    return next ? [Date.parse(next.time) - Date.parse(event.time)] : [];
  });
}

try {
  const names = Array.from({ length: SERVICES }, (_, nth) => `s${nth}`);
  await world.apply(tinyProject('bench', names, { direct: true }));
  await world.kubectl('wait', '--for=condition=Delivered', 'services.keptn.sh', '--all', '--timeout=300s');
  const rows: object[] = [];
  const cpu: object[] = [];
  await sleep(1_000);
  const quiet = cpuBelow();
  await sleep(IDLE_MS);
  const idle = new Map(
    [...cpuBelow()].map(([name, used]) => [name, (used - (quiet.get(name) ?? 0)) / (IDLE_MS / 1000)]),
  );
  for (const [what, chosen, image, atOnce, rollout] of [
    ['one alone', names.slice(0, 1), '2.0', true, SOME_SECONDS],
    [`${SERVICES}, one after another`, names, '3.0', false, SOME_SECONDS],
    [`${SERVICES} in one apply`, names, '4.0', true, SOME_SECONDS],
    [`${SERVICES} in one apply, helm in no time`, names, '5.0', true, '0'],
  ] as const) {
    await writeFile(calls, '');
    await helmTakes(rollout);
    const began = new Date();
    const before = cpuBelow();
    await deliver(chosen, image, atOnce);
    const seconds = (Date.now() - began.getTime()) / 1000;
    const used = usedSince(before, seconds, idle);
    if (chosen.length > 1) {
      cpu.push(
        ...used.map(([process, ms]) => ({ what, process, 'CPU ms a delivery': Math.round(ms / chosen.length) })),
      );
    }
    const events = (await world.events()).filter(({ time }) => time >= began.toISOString());
    const called = (await readFile(calls, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => line.split(' '));
    const toHelm = events.flatMap((event) => {
      if (newImage(event) === undefined) return [];
      const release = `bench-${textIn(event.data, 'stage') ?? ''}-${textIn(event.data, 'service') ?? ''}`;
      const call = called.find(([time, name]) => name === release && Number(time) / 1e6 >= Date.parse(event.time));
      return call ? [Number(call[0]) / 1e6 - Date.parse(event.time)] : [];
    });
    const isEnter = (event: KeptnEvent): boolean => newImage(event) !== undefined;
    rows.push(
      row(`${what}: new artifact → helm`, toHelm),
      row(
        `${what}: tests-finished → next stage's configuration.change`,
        between(events, eventTypes.testsFinished, isEnter, false),
      ),
      row(
        `${what}: deployment-finished → tests-finished (the tests)`,
        between(events, eventTypes.deploymentFinished, ({ type }) => type === eventTypes.testsFinished),
      ),
      row(
        `${what}: tests-finished → evaluation-done`,
        between(events, eventTypes.testsFinished, ({ type }) => type === eventTypes.evaluationDone),
      ),
      row(
        `${what}: evaluation-done → promoted`,
        between(events, eventTypes.evaluationDone, ({ type }) => type === eventTypes.deliveryFinished),
      ),
    );
  }
  console.table(rows);
  console.table(cpu);
} finally {
  await world.stop();
  await rm(folder, { recursive: true, force: true });
}
process.exit(0);
