/**
 * The queries of sli.yaml: those that are built in, then of the project, the stage and the service, where later ones win; and
 * what is filled in.
 */
import { parse } from 'yaml';
import { z } from 'zod';
import type { Configuration } from '../../../lib/configuration/client.ts';
import { messageOf } from '../../../lib/errors/classes.ts';
import { problemsOf } from '../../../lib/model/names.ts';
import { readText } from '../../../lib/configuration/versioned.ts';
import { builtInQueries } from './built-in-queries.ts';
import type { SliRequest } from './port.ts';

const text = z.union([z.string(), z.number().transform(String)]);
const schema = z.object({ indicators: z.record(z.string(), text).nullish() });

export type Queries = ReadonlyMap<string, string>;

/** The queries by indicator, or a sentence about the file that cannot be read. */
export async function queriesOf(
  configuration: Configuration,
  request: SliRequest,
  uri: string,
): Promise<{ queries: Queries } | { problem: string }> {
  const { project, stage, service, commit } = request;
  const queries = builtInQueries(request);
  // The commit is of the stage: the project's own branch has others.
  const places = [[{ project }], [{ project, stage }, commit], [{ project, stage, service }, commit]] as const;
  for (const [place, version] of places) {
    const content = await readText(configuration, place, uri, version);
    if (content === undefined) continue;
    const { indicators, problem } = parseQueries(content);
    const level = 'service' in place ? 'service' : 'stage' in place ? 'stage' : 'project';
    if (problem !== undefined) return { problem: `${uri} of the ${level} is not valid: ${problem}` };
    for (const [name, query] of Object.entries(indicators ?? {})) queries.set(name, query);
  }
  return { queries };
}

function parseQueries(content: string): { indicators?: Record<string, string> | null; problem?: string } {
  try {
    const result = schema.safeParse(parse(content, { logLevel: 'silent' }));
    return result.success ? { indicators: result.data.indicators ?? null } : { problem: problemsOf(result.error) };
  } catch (error) {
    return { problem: messageOf(error).split('\n', 1)[0] ?? '' };
  }
}

/**
 * Placeholders begin with `$`; what is none stays. 0.6.2's `$ENV.x` is not among them: whoever may write a query could read
 * the environment of this process with it, tokens and all.
 */
export function fillIn(query: string, request: SliRequest, seconds: number): string {
  const { project, stage, service, deployment, teststrategy, keptnContext, labels, customFilters } = request;
  const values = new Map<string, string>();
  for (const { key, value } of customFilters ?? []) values.set(key, value).set(key.toUpperCase(), value);
  for (const [key, value] of Object.entries(labels ?? {})) values.set(`LABEL.${key}`, value);
  values.set('PROJECT', project).set('STAGE', stage).set('SERVICE', service).set('DEPLOYMENT', deployment);
  values.set('TESTSTRATEGY', teststrategy).set('CONTEXT', keptnContext).set('DURATION_SECONDS', `${seconds}s`);
  // The longest first: one name may begin with another. All at once: what is filled in is not looked at again.
  const names = [...values.keys()].filter((name) => name !== '').toSorted((a, b) => b.length - a.length);
  const pattern = new RegExp(`\\$(${names.map(escaped).join('|')})`, 'g');
  return query.replace(pattern, (whole, name: string) => values.get(name) ?? whole);
}

const escaped = (name: string): string => name.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');

/** Of the time that is evaluated; a second at least. Undefined when its ends are no times. */
export function secondsOf({ start, end }: SliRequest): number | undefined {
  const seconds = Math.ceil((Date.parse(end) - Date.parse(start)) / 1000);
  return Number.isNaN(seconds) ? undefined : Math.max(1, seconds);
}
