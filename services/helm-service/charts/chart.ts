/** A Helm chart in Git: the files of `helm/<name>/` in a service's folder, read at a commit and written as one. */
import { parse } from 'yaml';
import { z } from 'zod';
import { packChart, unpackChart } from '../../../lib/chart/archive.ts';
import type { Configuration, Place } from '../../../lib/configuration/client.ts';
import { Terminal } from '../../../lib/errors/classes.ts';
import type { Cause } from '../../../lib/http/cause.ts';

export interface Chart {
  name: string;
  /** By path below the chart's folder. */
  files: ReadonlyMap<string, string>;
}

export type Strategy = 'direct' | 'duplicate';

const metadata = z.looseObject({ keywords: z.array(z.string()).nullish() });

export const chartUri = (name: string): string => `helm/${name}.tgz`;
export const generatedName = (service: string): string => `${service}-generated`;

/** The chart as it is now or at a commit; undefined when there is none. */
export async function readChart(
  configuration: Configuration,
  place: Place,
  name: string,
  commit?: string,
): Promise<Chart | undefined> {
  const archive = await configuration.read(place, chartUri(name), commit);
  if (!archive) return undefined;
  const files = await unpackChart(archive, chartUri(name));
  return { name, files: new Map(files.map(({ path, content }) => [path, Buffer.from(content).toString('utf8')])) };
}

/** The commit that has the chart with exactly these files. */
export async function writeChart(
  configuration: Configuration,
  place: Place,
  chart: Chart,
  cause: Cause,
): Promise<string> {
  return configuration.write(place, chartUri(chart.name), await archiveOf(chart), cause);
}

/** Of charts at work: each is packed once for Git and for helm. */
const archives = new WeakMap<Chart, Promise<Uint8Array>>();

/** What helm takes. */
export function archiveOf(chart: Chart): Promise<Uint8Array> {
  const known = archives.get(chart);
  if (known) return known;
  const files = [...chart.files].map(([path, content]) => ({ path, content: Buffer.from(content) }));
  const archive = packChart(chart.name, files);
  archives.set(chart, archive);
  return archive;
}

/** The strategy that a generated chart was made for, as 0.6.2 notes it among the keywords. */
export function strategyOf({ name, files }: Chart): Strategy {
  const { keywords } = metadata.parse(parse(files.get('Chart.yaml') ?? '') ?? {});
  if (keywords?.includes('deployment_strategy=duplicate')) return 'duplicate';
  if (keywords?.includes('deployment_strategy=direct')) return 'direct';
  throw new Terminal('Rejected', `chart ${name} names no deployment_strategy among its keywords`);
}

export function hasTemplates({ files }: Chart): boolean {
  return [...files.keys()].some((path) => path.startsWith('templates/'));
}
