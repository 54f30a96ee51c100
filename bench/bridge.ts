/**
 * How the Bridge feels: `npm run bench -- bridge`, about two minutes. A standalone run with 1,000 stages and 100,000 events, looked at
 * in a real browser: first paint, first content, what is downloaded, long tasks, and an event's way to the screen.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { stringify } from 'yaml';
import { startBridgeRun } from '../test/launch/bridge.ts';
import { fillHistory, manyStages } from '../test/launch/many.ts';
import { root } from '../test/launch/node-process.ts';

const [EVENTS, LOADS, MARKS] = [100_000, 10, 30];
const folder = await mkdtemp(join(tmpdir(), 'keptn-bench-bridge-'));
const manifests = manyStages().map((one) => stringify(one));
await writeFile(join(folder, 'many.yaml'), manifests.join('---\n'));
const run = await startBridgeRun(relative(root, folder));

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
const ms = (value: number): string => `${Math.round(value)} ms`;

/** By an observer in the page, from its beginning. */
const observe = `window.longTasks = [];
new PerformanceObserver((list) => longTasks.push(...list.getEntries().map(({ duration }) => duration)))
  .observe({ type: 'longtask', buffered: true });`;

try {
  await fillHistory(run.keptn, EVENTS);
  const page = await run.open('/');
  await page.addInitScript(observe);
  const [paints, tiles, tasks]: number[][] = [[], [], []];
  for (let nth = 0; nth < LOADS; nth += 1) {
    const began = performance.now();
    await page.goto(run.url);
    await page.locator('.tile').first().waitFor();
    tiles?.push(performance.now() - began);
    const paint = await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN");
    paints?.push(Number(paint));
    tasks?.push(Number(await page.evaluate('longTasks.reduce((sum, one) => sum + one, 0)')));
  }
  await page.goto(`${run.url}/log`);
  await page.locator('.log-row').first().waitFor();
  const marks: number[] = [];
  for (let nth = 0; nth < MARKS; nth += 1) {
    const message = `mark-${nth}-${Date.now()}`;
    const began = performance.now();
    await run.send({ type: 'sh.keptn.event.mark', source: 'bench', data: { project: 'p0', message } });
    await page.getByText(message).waitFor();
    marks.push(performance.now() - began);
  }
  const assets = join(root, 'services/bridge/dist/assets');
  const scripts = (await readdir(assets)).filter((name) => name.endsWith('.js'));
  const contents = await Promise.all(scripts.map((name) => readFile(join(assets, name))));
  const size = (compress: (content: Buffer) => Buffer): string =>
    `${(contents.reduce((sum, content) => sum + compress(content).length, 0) / 1024).toFixed(0)} kB`;
  console.table([
    { what: 'first contentful paint, p50', figure: ms(median(paints ?? [])) },
    { what: 'all projects on the screen, p50', figure: ms(median(tiles ?? [])) },
    { what: 'long tasks of a load, together, p50', figure: ms(median(tasks ?? [])) },
    {
      what: 'scripts: gzip; brotli',
      figure: `${size((one) => gzipSync(one))}; ${size((one) => brotliCompressSync(one))}`,
    },
    {
      what: 'an event from the POST to the screen, p50; slowest',
      figure: `${ms(median(marks))}; ${ms(Math.max(...marks))}`,
    },
  ]);
} finally {
  await run.stop();
  await rm(folder, { recursive: true, force: true });
}
process.exit(0);
