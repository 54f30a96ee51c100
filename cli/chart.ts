/** A Helm chart as an archive: packed from its folder, or as it is. What cannot be a chart is told before it is sent. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { pack } from 'tar-stream';
import { parse } from 'yaml';
import { CliError } from './errors.ts';
import { readInput } from './input.ts';

const zip = promisify(gzip);

export async function readChart(path: string): Promise<Buffer> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) return readInput(path, '--chart');
  const files = (await readdir(path, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const names = files.map((entry) => relative(path, join(entry.parentPath, entry.name)).split(sep).join('/')).sort();
  await check(path, names);
  const archive = pack();
  for (const name of names) archive.entry({ name: `chart/${name}` }, await readFile(join(path, name)));
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive as AsyncIterable<Buffer>) chunks.push(chunk);
  return zip(Buffer.concat(chunks));
}

/** As 0.6.2: a chart that a delivery can change. */
async function check(path: string, names: readonly string[]): Promise<void> {
  for (const needed of ['Chart.yaml', 'values.yaml']) {
    if (!names.includes(needed)) throw new CliError('usage', `--chart: ${path} is no chart: it has no ${needed}`);
  }
  const values: unknown = parse(await readFile(join(path, 'values.yaml'), 'utf8'));
  for (const needed of ['image', 'replicaCount']) {
    if (typeof values === 'object' && values !== null && needed in values) continue;
    throw new CliError('usage', `--chart: values.yaml has no ${needed}, which a delivery sets`);
  }
}
