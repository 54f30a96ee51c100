/** The umbrella chart of a stage, as 0.6.2 keeps it: files of the stage itself, applied when an event changes them. */
import { parseDocument, stringify } from 'yaml';
import type { Configuration, Place } from '../../../lib/configuration/client.ts';
import { Terminal } from '../../../lib/errors/classes.ts';
import type { Cause } from '../../../lib/http/cause.ts';
import { resourceUri } from '../../../lib/model/names.ts';
import { generatedName, type Chart } from './chart.ts';

const own = ['Chart.yaml', 'requirements.yaml', 'values.yaml'] as const;
const isUmbrella = (uri: string): boolean => own.some((name) => name === uri) || uri.startsWith('templates/');

/** Makes it unless it is there, and has it know the service. */
export async function addToUmbrella(
  configuration: Configuration,
  place: Required<Pick<Place, 'project' | 'stage'>>,
  service: string,
  cause: Cause,
): Promise<void> {
  const files = new Map<string, string>();
  if (!(await configuration.has(place, 'Chart.yaml'))) {
    const name = `${place.project}-umbrella`;
    const description = `A Helm chart for project ${name}`;
    files.set('Chart.yaml', stringify({ apiVersion: 'v1', description, name, version: '0.1.0' }));
    files.set('requirements.yaml', stringify({ dependencies: null }));
  }
  const values = parseDocument((await configuration.read(place, 'values.yaml'))?.toString('utf8') ?? '{}\n');
  for (const name of [service, generatedName(service)]) {
    if (!values.has(name)) values.set(name, { enabled: false });
  }
  files.set('values.yaml', values.toString({ flowCollectionPadding: false }));
  await configuration.writeAll(place, files, cause);
}

/** Writes changes of the umbrella chart, by path with or without a leading slash; the chart as it is then. */
export async function changeUmbrella(
  configuration: Configuration,
  place: Required<Pick<Place, 'project' | 'stage'>>,
  changes: Readonly<Record<string, string>>,
  cause: Cause,
): Promise<Chart> {
  const files = new Map(Object.entries(changes).map(([uri, content]) => [uri.replace(/^\//, ''), content]));
  for (const uri of files.keys()) {
    if (isUmbrella(uri) && resourceUri.safeParse(uri).success) continue;
    throw new Terminal('InvalidField', `data.fileChangesUmbrellaChart: ${uri} is no file of an umbrella chart`);
  }
  const commit = await configuration.writeAll(place, files, cause);
  const name = `${place.project}-umbrella`;
  const all = new Map<string, string>();
  for (const uri of (await configuration.list(place, commit)).filter(isUmbrella)) {
    all.set(uri, (await configuration.read(place, uri, commit))?.toString('utf8') ?? '');
  }
  return { name, files: all };
}
