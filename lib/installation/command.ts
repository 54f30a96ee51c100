/** What a container runs: the same as `npm run <part>`, without npm in between, which would not pass signals on. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const manifest = z
  .object({ scripts: z.record(z.string(), z.string()) })
  .parse(JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')));

/** Parts that 0.6.2 calls otherwise than their npm script. */
const scripts: Readonly<Record<string, string>> = { 'api-service': 'api', 'keptn-operator': 'operator' };

export function commandOf(part: string): string[] {
  const script = manifest.scripts[scripts[part] ?? part];
  if (script === undefined) throw new Error(`package.json has no script for ${part}`);
  return script.split(' ');
}
