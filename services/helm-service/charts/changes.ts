/** Changes of a chart's files that events ask for. */
import { createHash } from 'node:crypto';
import { parseDocument } from 'yaml';
import { Terminal } from '../../../lib/errors/classes.ts';
import { resourceUri } from '../../../lib/model/names.ts';
import type { Chart } from './chart.ts';

/** values.yaml with these values at its top level; comments and everything else stay. */
export function withValues(chart: Chart, values: Readonly<Record<string, unknown>>): Chart {
  const document = parseDocument(chart.files.get('values.yaml') ?? '{}\n');
  for (const [key, value] of Object.entries(values)) document.set(key, value);
  return { name: chart.name, files: new Map([...chart.files, ['values.yaml', document.toString()]]) };
}

/** `field`: of the event, for the refusal. As in 0.6.2 templates may be added, and values.yaml replaced. */
export function withFiles(chart: Chart, changes: Readonly<Record<string, string>>, field: string): Chart {
  const files = new Map(chart.files);
  for (const [uri, content] of Object.entries(changes)) {
    if (files.get(uri) === content) continue;
    const isAllowed = uri === 'values.yaml' || uri.startsWith('templates/');
    if (!isAllowed || !resourceUri.safeParse(uri).success) {
      throw new Terminal('InvalidField', `data.${field}: ${uri} is neither values.yaml nor a file below templates/`);
    }
    files.set(uri, content);
  }
  return { name: chart.name, files };
}

/** What a change says of a file that it was made from. */
export const hashOf = (content: string): string => createHash('sha256').update(content).digest('hex');

/** A file that is neither as the change expects it (`base`, by path, in SHA-256) nor as it is to be; undefined: all are. */
export function outdatedIn(
  { files }: Chart,
  changes: Readonly<Record<string, string>>,
  base: Readonly<Record<string, string>> | null | undefined,
): string | undefined {
  return Object.entries(changes).find(([uri, content]) => {
    const now = files.get(uri) ?? '';
    return base?.[uri] !== undefined && now !== content && hashOf(now) !== base[uri];
  })?.[0];
}

/** The image that the chart deploys, where values.yaml has it as Keptn writes it. */
export function imageIn(chart: Chart): string {
  const image: unknown = parseDocument(chart.files.get('values.yaml') ?? '').get('image');
  return typeof image === 'string' ? image : '';
}
