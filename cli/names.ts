/** Lists that Keptn gives in pages, and the names in them. */
import { z } from 'zod';
import { at, type Client } from './client.ts';
import { allOf } from './pages.ts';
import { stagesOf } from './stages.ts';

const page = z.looseObject({ nextPageKey: z.string().default('0') });
const project = z.object({ projectName: z.string() });
const service = z.object({ serviceName: z.string() });

/** `field`: of the answer that has the list. */
export function listOf<T>(client: Client, path: string, field: string, item: z.ZodType<T>): Promise<T[]> {
  return allOf(async (key) => {
    const query = new URLSearchParams({ pageSize: '50', ...(key && { nextPageKey: key }) });
    const answer = await client.call('GET', `${path}?${query.toString()}`, page);
    const next = answer.nextPageKey;
    return { items: z.array(item).nullish().parse(answer[field]) ?? [], next: next === '0' ? undefined : next };
  });
}

/** Of all projects, or of the stages or services of one. */
export async function namesOf(client: Client, kind: 'project' | 'stage' | 'service', name?: string): Promise<string[]> {
  if (kind === 'project')
    return (await listOf(client, '/v1/project', 'projects', project)).map((one) => one.projectName);
  if (name === undefined) return [];
  const stages = await stagesOf(client, name);
  if (kind === 'stage') return stages;
  const services = await listOf(client, at('project', name, 'stage', stages[0] ?? '', 'service'), 'services', service);
  return services.map(({ serviceName }) => serviceName);
}
