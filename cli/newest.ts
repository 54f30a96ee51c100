/** Which delivery is meant, where the command line does not say: the newest that has such an event. */
import type { KeptnEvent } from '../lib/events/event.ts';
import type { Client } from './client.ts';
import { CliError } from './errors.ts';
import { eventsOf } from './events.ts';

export interface Wanted {
  type: string;
  project: string;
  service: string;
  stage?: string | undefined;
  keptnContext?: string | undefined;
}

/** `what`: completes the sentence when there is none. */
export async function newestContext(client: Client, wanted: Wanted, what: string): Promise<KeptnEvent> {
  const [newest] = await eventsOf(client, { ...wanted }, 1);
  if (newest) return newest;
  const { service, project, stage } = wanted;
  const where = stage === undefined ? project : `stage ${stage} of ${project}`;
  throw new CliError('failed', `no delivery of ${service} in ${where} ${what}: keptn get events shows what there was`);
}
