/**
 * The event store on SQLite as it grows: `npm run bench -- datastore`. Events of 1 kB stored a second, in batches that are
 * synced to disk; the first and the 1,000th page of each filter in milliseconds (median, slowest of 20); memory of the
 * process, in which the events are made too. Fails when a figure misses its target.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { idOf } from '../lib/events/id.ts';
import type { KeptnEvent } from '../lib/events/event.ts';
import type { EventFilter, EventStore, Page, PageRequest } from '../lib/store/port.ts';
import { openSqliteStore } from '../lib/store/sqlite/store.ts';

const SIZES = [10_000, 100_000, 1_000_000];
const BATCH = 1_000;
const PAGE = 20;
const ROUNDS = 20;
/** As many as the datastore deletes at once. */
const FORGET = 500;
/** What has to hold at every size. */
const target = { perSecond: 5_000, pageMs: 20, memoryMb: 200 };
/** As the datastore's process has them: V8 takes what it gets. */
const FLAGS = ['--max-semi-space-size=2', '--max-old-space-size=128'];
const START = Date.parse('2026-01-01T00:00:00Z');
const [PROJECTS, SERVICES] = [20, 50];

/** The events of one delivery, in the order of a workflow. */
const flow = [
  ['sh.keptn.event.configuration.change', 'https://github.com/keptn/keptn/cli#configuration-change'],
  ['sh.keptn.events.deployment-finished', 'helm-service'],
  ['sh.keptn.events.tests-finished', 'jmeter-service'],
  ['sh.keptn.internal.event.get-sli', 'lighthouse-service'],
  ['sh.keptn.internal.event.get-sli.done', 'prometheus-service'],
  ['sh.keptn.events.evaluation-done', 'lighthouse-service'],
  ['sh.keptn.event.configuration.change', 'gatekeeper-service'],
] as const;

const contextOf = (delivery: number): string => idOf('context', delivery);

/** Many deliveries at once: an event is of another one than the event before. */
function eventAt(n: number): KeptnEvent {
  const step = Math.floor(n / 100) % flow.length;
  const delivery = Math.floor(n / (100 * flow.length)) * 100 + (n % 100);
  const [type = '', source = ''] = flow[step] ?? [];
  return {
    id: idOf('event', n),
    type,
    source,
    time: new Date(START + n * 10).toISOString(),
    shkeptncontext: contextOf(delivery),
    data: {
      project: `project-${delivery % PROJECTS}`,
      stage: ['dev', 'staging', 'production'][delivery % 3],
      service: `service-${delivery % SERVICES}`,
      text: 'x'.repeat(700),
    },
  };
}

async function fill(store: EventStore, from: number, to: number): Promise<number> {
  const began = performance.now();
  for (let at = from; at < to; at += BATCH) {
    await store.append(Array.from({ length: BATCH }, (_, n) => eventAt(at + n)));
  }
  return ((to - from) * 1000) / (performance.now() - began);
}

type Ask = (page: PageRequest) => Promise<Page<KeptnEvent>>;

/** Of some rounds. */
async function timed(ask: Ask, after?: string): Promise<{ text: string; median: number }> {
  await ask({ size: PAGE, after });
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const began = performance.now();
    await ask({ size: PAGE, after });
    times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  const median = times[ROUNDS / 2] ?? 0;
  return { median, text: `${median.toFixed(1)}, ${times.at(-1)?.toFixed(1)}` };
}

/** The cursor behind 999 pages; undefined where there are fewer. */
async function farCursor(ask: Ask): Promise<string | undefined> {
  let after: string | undefined;
  for (let seen = 0; seen < 999 * PAGE; seen += 90) {
    ({ next: after } = await ask({ size: 90, after }));
    if (after === undefined) return undefined;
  }
  return after;
}

function questions(size: number): [string, EventFilter, boolean][] {
  const fromTime = new Date(START + size * 9).toISOString();
  const beforeTime = new Date(START + size * 8).toISOString();
  const project = 'project-7';
  const stage = 'staging';
  const service = 'service-7';
  const evaluations = { type: 'sh.keptn.events.evaluation-done', source: 'lighthouse-service' };
  return [
    ['no filter', {}, false],
    ['keptnContext', { keptnContext: contextOf(7) }, false],
    ['type', { type: evaluations.type }, false],
    ['source', { source: evaluations.source }, false],
    ['project', { project }, false],
    ['stage', { stage }, false],
    ['service', { service }, false],
    ['fromTime', { fromTime }, false],
    ['beforeTime', { beforeTime }, false],
    ['project, beforeTime', { project, beforeTime }, false],
    ['type, source, project, stage, service', { ...evaluations, project, stage, service }, false],
    ['stage, type: both many', { stage, type: evaluations.type }, false],
    ['project, service: nothing has both', { project: 'project-1', service: 'service-2' }, false],
    ['root', {}, true],
    ['root, project', { project }, true],
    ['root, project, service', { project, service: 'service-7' }, true],
    ['root, stage, type: both many', { stage, type: evaluations.type }, true],
    ['root, fromTime', { fromTime }, true],
  ];
}

async function bench(store: EventStore, path: string): Promise<boolean> {
  const table: Record<string, Record<string, string>> = {};
  let isGood = true;
  const put = (row: string, size: number, text: string, isRight = true): void => {
    isGood &&= isRight;
    (table[row] ??= {})[size.toLocaleString('en')] = isRight ? text : `${text} MISSED`;
  };
  let stored = 0;
  for (const size of SIZES) {
    const perSecond = await fill(store, stored, size);
    put('events stored a second', size, perSecond.toFixed(0), perSecond >= target.perSecond);
    stored = size;
    for (const [name, filter, isRoot] of questions(size)) {
      const ask: Ask = (page) => (isRoot ? store.roots(filter, page) : store.query(filter, page));
      const first = await timed(ask);
      put(`${name}: first page`, size, first.text, first.median < target.pageMs);
      const far = await farCursor(ask);
      if (far === undefined) continue;
      const thousandth = await timed(ask, far);
      put(`${name}: 1,000th page`, size, thousandth.text, thousandth.median < target.pageMs);
    }
    const began = performance.now();
    await store.prune({ maxCount: 0 }, FORGET);
    put(`the oldest ${FORGET} deleted, ms`, size, (performance.now() - began).toFixed(0));
    const memory = process.memoryUsage.rss() / 2 ** 20;
    put('memory, MB', size, memory.toFixed(0), memory < target.memoryMb);
    put('file, MB', size, ((await stat(path)).size / 2 ** 20).toFixed(0));
  }
  console.table(table);
  return isGood;
}

if (process.execArgv.length === 0) {
  const { status } = spawnSync(process.execPath, [...FLAGS, import.meta.filename], { stdio: 'inherit' });
  process.exit(status ?? 1);
}
const directory = await mkdtemp(join(tmpdir(), 'keptn-bench-store-'));
const path = join(directory, 'events.sqlite');
const store = await openSqliteStore({ path });
try {
  if (!(await bench(store, path))) process.exitCode = 1;
} finally {
  await store.close();
  await rm(directory, { recursive: true, force: true });
}
