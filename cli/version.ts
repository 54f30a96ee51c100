/** The version of this command line, and whether a Keptn of another version fits it. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';

const manifest = z.object({ version: z.string() });

export async function ownVersion(): Promise<string> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  return manifest.parse(JSON.parse(text)).version;
}

export const metadata = z.object({ keptnversion: z.string() });

/** As 0.6.2 decides it: the same major and minor. */
export function fits(own: string, keptn: string): boolean {
  const head = (version: string): string => version.split('.').slice(0, 2).join('.');
  return head(own) === head(keptn);
}
