/** Files of a project in Git, as the configuration-service gives them. */
import { z } from 'zod';
import { get } from '../api/client.ts';

export interface FilePlace {
  project: string;
  stage?: string | undefined;
  service?: string | undefined;
}

const listSchema = z.object({
  resources: z.array(z.object({ resourceURI: z.string() })),
  nextPageKey: z.string(),
  totalCount: z.number(),
});
const fileSchema = z.object({ resourceContent: z.string() });
const historySchema = z.object({
  nextPageKey: z.string(),
  commits: z.array(
    z.object({
      version: z.string(),
      message: z.string(),
      author: z.object({ name: z.string(), email: z.string() }),
      time: z.string(),
      keptnContext: z.string().optional(),
      causedBy: z.string().optional(),
    }),
  ),
});
export type FileVersion = z.infer<typeof historySchema>['commits'][number];

const compareSchema = z.object({
  changes: z.array(z.object({ resourceURI: z.string(), change: z.enum(['added', 'removed', 'modified']) })),
  nextPageKey: z.string(),
  totalCount: z.number(),
});
export type FileChange = z.infer<typeof compareSchema>['changes'][number];

const MAX_PAGES = 20;
const segment = encodeURIComponent;

function base({ project, stage, service }: FilePlace): string {
  const below = stage ? `/stage/${segment(stage)}${service ? `/service/${segment(service)}` : ''}` : '';
  return `/v1/project/${segment(project)}${below}`;
}

const versionOf = (commit: string | undefined): string => (commit ? `&gitCommitId=${segment(commit)}` : '');

/** Paths below the place, in their order. */
export async function listFiles(place: FilePlace, commit: string | undefined, signal: AbortSignal): Promise<string[]> {
  const names: string[] = [];
  let after = '0';
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const path = `${base(place)}/resource?pageSize=50&nextPageKey=${after}${versionOf(commit)}`;
    const found = await get(path, listSchema, signal);
    names.push(...found.resources.map(({ resourceURI }) => resourceURI.replace(/^\//, '')));
    if (found.nextPageKey === '0') break;
    after = found.nextPageKey;
  }
  return names.sort();
}

/** Text, or undefined where the content is none. */
export async function readFile(
  place: FilePlace,
  path: string,
  commit?: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const address = `${base(place)}/resource/${segment(path)}?disableUpstreamSync=true${versionOf(commit)}`;
  const { resourceContent } = await get(address, fileSchema, signal);
  try {
    const bytes = Uint8Array.from(atob(resourceContent), (character) => character.charCodeAt(0));
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

export async function historyOf(place: FilePlace, path: string, signal: AbortSignal): Promise<FileVersion[]> {
  return (await get(`${base(place)}/resource/${segment(path)}/history?pageSize=50`, historySchema, signal)).commits;
}

/** What `to` has that `from` has not; each a stage, `master` or a commit. */
export async function compareFiles(
  { project, service }: FilePlace,
  from: string,
  to: string,
  signal: AbortSignal,
): Promise<FileChange[]> {
  const changes: FileChange[] = [];
  let after = '0';
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const query = new URLSearchParams({ from, to, pageSize: '50', nextPageKey: after });
    if (service) query.set('serviceName', service);
    const found = await get(`/v1/project/${segment(project)}/compare?${query.toString()}`, compareSchema, signal);
    changes.push(...found.changes);
    if (found.nextPageKey === '0') break;
    after = found.nextPageKey;
  }
  return changes;
}
