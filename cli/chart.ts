/** A Helm chart as an archive: packed from its folder, or as it is. What cannot be a chart is told before it is sent. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { parse } from 'yaml';
import { packChart } from '../lib/chart/archive.ts';
import { CliError } from './errors.ts';
import { readInput } from './input.ts';

export async function readChart(path: string): Promise<Uint8Array> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) return readInput(path, '--chart');
  const files = (await readdir(path, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const names = files.map((entry) => relative(path, join(entry.parentPath, entry.name)).split(sep).join('/')).sort();
  await check(path, names);
  const contents = names.map(async (name) => ({ path: name, content: await readFile(join(path, name)) }));
  return packChart('chart', await Promise.all(contents));
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
  const templates = names.filter((name) => /^templates\/.*\.ya?ml$/.test(name));
  const own = templates.find((name) => /-istio-(destinationrule|virtualservice)\.yaml$/.test(name));
  if (own !== undefined) throw new CliError('usage', `--chart: ${own}: Keptn makes these itself, leave it out`);
  const texts = await Promise.all(templates.map((name) => readFile(join(path, name), 'utf8')));
  for (const kind of ['Service', 'Deployment']) {
    if (texts.some((text) => new RegExp(`^kind: *${kind}\\s*$`, 'm').test(text))) continue;
    throw new CliError('usage', `--chart: ${path} has no ${kind} in its templates, which a delivery needs`);
  }
}
