/**
 * `npm run build-page`: makes services/bridge/dist from services/bridge/page by Vite, when it is missing or the sources have
 * changed. `npm start`, `npm test`, `npm run bridge` and `npm run bench` do it by themselves.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = join(import.meta.dirname, '..');
const page = join(root, 'services/bridge/page');
const dist = join(root, 'services/bridge/dist');
/** What the page is made of; lib as far as it has no parts of Node. */
const sources = ['services/bridge/page', 'lib/delivery', 'lib/events', 'lib/model'];
const files = ['package-lock.json', 'tools/build-page.ts'];
const STAMP = '.stamp';

/** True when there was something to do. */
export async function buildPage(): Promise<boolean> {
  const digest = await digestOfSources();
  if ((await readFile(join(dist, STAMP), 'utf8').catch(() => '')) === digest) return false;
  // Beside the old one, which may be in use by another process.
  const made = `${dist}.${process.pid}`;
  await build({
    root: page,
    configFile: false,
    logLevel: 'error',
    publicDir: false,
    build: {
      outDir: made,
      emptyOutDir: true,
      target: 'esnext',
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
    },
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  });
  await writeFile(join(made, STAMP), digest);
  await rm(dist, { recursive: true, force: true });
  await rename(made, dist);
  return true;
}

async function digestOfSources(): Promise<string> {
  const found = await Promise.all(
    sources.map(async (folder) => {
      const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
      return entries.filter((one) => one.isFile()).map((one) => relative(root, join(one.parentPath, one.name)));
    }),
  );
  const hash = createHash('sha256');
  for (const name of [...found.flat(), ...files].sort()) {
    hash.update(`${name}\n`).update(await readFile(join(root, name)));
  }
  return hash.digest('hex');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const began = Date.now();
  if (await buildPage()) process.stderr.write(`The Bridge's page is built, in ${Date.now() - began} ms.\n`);
}
