/** `npm run bench -- [name …]`: runs the named benches, or all of them, one after another; each prints a table. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const benches = {
  reconcile: 'reconcile.ts',
  'configuration-service': 'configuration-service.ts',
  commits: 'commits.ts',
  bus: 'bus.ts',
  'event-plane': 'event-plane.ts',
  datastore: 'datastore.ts',
  delivery: 'delivery.ts',
  bridge: 'bridge.ts',
  watches: 'watches/main.ts',
};

const names = process.argv.slice(2);
const unknown = names.filter((name) => !(name in benches));
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(', ')}; there are ${Object.keys(benches).join(', ')}`);
  process.exit(2);
}
for (const [name, file] of Object.entries(benches)) {
  if (names.length > 0 && !names.includes(name)) continue;
  console.log(`\n${name}`);
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, file)], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
