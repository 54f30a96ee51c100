#!/usr/bin/env node
// Runs the command line on this Node when it can read TypeScript, else on the project's own Node 24.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const main = new URL('./main.ts', import.meta.url);
if (process.features.typescript) await import(main.href);
else {
  const home = dirname(createRequire(import.meta.url).resolve('node/package.json'));
  const args = [fileURLToPath(main), ...process.argv.slice(2)];
  process.exit(spawnSync(join(home, 'bin', 'node'), args, { stdio: 'inherit' }).status ?? 1);
}
