/**
 * Runs before `npm start`, `npm test` and the like, on the machine's own Node: installs the dependencies when they are
 * missing or package-lock.json has changed, and sees to it that the project's own Node 24 is there. With `--page` it has the
 * Bridge's page built by that Node, when it is not.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const lock = readFileSync(join(root, 'package-lock.json'));
const digest = createHash('sha256').update(lock).digest('hex');
const stamp = join(root, 'node_modules', '.keptn-setup');
const node = join(root, 'node_modules', '.bin', 'node');

const versionOf = () => spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout ?? '';

if (!existsSync(node) || !existsSync(stamp) || readFileSync(stamp, 'utf8') !== digest) install();
if (process.argv.includes('--page')) {
  // Not by the shell of the npm script: it may remember the Node that was there before.
  const built = spawnSync(node, [join(root, 'tools/build-page.ts')], { encoding: 'utf8' });
  if (built.status !== 0) fail("The Bridge's page could not be built.", built);
  process.stderr.write(built.stderr);
}

/** npm as a child, quiet unless it fails. */
function npm(...args) {
  return spawnSync('npm', args, { cwd: root, encoding: 'utf8', shell: process.platform === 'win32' });
}

function fail(what, { stdout = '', stderr = '', error }) {
  console.error(`${stdout}${stderr}${error ? error.message : ''}\n${what}`);
  process.exit(1);
}

function install() {
  const began = Date.now();
  const written = (name) => statSync(join(root, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  // Somebody has run npm ci or npm install: once more would take the modules away under processes that run.
  const present = written('node_modules/.package-lock.json') >= written('package-lock.json') && !existsSync(stamp);
  if (!present) {
    process.stderr.write('Installing dependencies (about 20 s) …\n');
    const installed = npm('ci', '--no-audit', '--no-fund');
    if (installed.status !== 0)
      fail('npm ci failed: see above. Is a package registry reachable? Then run the command again.', installed);
  }
  if (!versionOf().startsWith('v24.')) {
    // With ignore-scripts, or where npm wants install scripts approved, the package has no binary yet.
    const rebuilt = npm('rebuild', 'node', '--ignore-scripts=false', '--foreground-scripts');
    if (!versionOf().startsWith('v24.'))
      fail('Node 24 did not come with the npm package "node". Run: npm rebuild node --ignore-scripts=false', rebuilt);
  }
  writeFileSync(stamp, digest);
  if (!present) process.stderr.write(`Installed in ${Math.round((Date.now() - began) / 1000)} s.\n`);
}
