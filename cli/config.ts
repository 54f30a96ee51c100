/** Settings of the command line, in the file that 0.6.2 has: ~/.keptn/config. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { hasCode } from '../lib/errors/classes.ts';
import { CliError } from './errors.ts';
import { homeFolder } from './home.ts';

const schema = z.looseObject({ automatic_version_check: z.boolean().default(true) });
export type Config = z.infer<typeof schema>;

const pathOf = (): string => join(homeFolder(), 'config');

export async function loadConfig(): Promise<Config> {
  try {
    return schema.parse(JSON.parse(await readFile(pathOf(), 'utf8')));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return schema.parse({});
    throw new CliError('usage', `${pathOf()} cannot be read: remove it for the defaults`, { cause: error });
  }
}

export async function saveConfig(config: Config): Promise<void> {
  await mkdir(homeFolder(), { recursive: true, mode: 0o700 });
  await writeFile(pathOf(), `${JSON.stringify(config)}\n`, { mode: 0o600 });
}
