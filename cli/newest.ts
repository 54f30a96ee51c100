/** Which delivery is meant, where the command line does not say: the newest that has such an event. */
import { z } from 'zod';
import type { Client } from './client.ts';
import { CliError } from './errors.ts';

const page = z.object({ events: z.array(z.object({ id: z.string(), shkeptncontext: z.string() })).nullable() });

export interface Wanted {
  type: string;
  project: string;
  service: string;
  stage?: string;
  keptnContext?: string | undefined;
}

/** `what`: completes the sentence when there is none. */
export async function newestContext(
  client: Client,
  wanted: Wanted,
  what: string,
): Promise<{ id: string; shkeptncontext: string }> {
  const query = new URLSearchParams({ pageSize: '1' });
  for (const [name, value] of Object.entries(wanted)) if (value !== undefined) query.set(name, String(value));
  const { events } = await client.call('GET', `/v1/event?${query.toString()}`, page);
  const newest = events?.[0];
  if (newest) return newest;
  const { service, project, stage } = wanted;
  const where = stage === undefined ? project : `stage ${stage} of ${project}`;
  throw new CliError('failed', `no delivery of ${service} in ${where} ${what}: keptn get events shows what there was`);
}
