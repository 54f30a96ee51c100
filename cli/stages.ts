/** The stages of a project, by its shipyard. */
import { z } from 'zod';
import { parseShipyard } from '../lib/configuration/shipyard.ts';
import { at, type Client } from './client.ts';
import { CliError, exitCodes } from './errors.ts';

const resource = z.object({ resourceContent: z.string() });

/** In the order of promotion. */
export async function stagesOf(client: Client, project: string): Promise<string[]> {
  const path = at('project', project, 'resource', 'shipyard.yaml');
  const { resourceContent } = await client.call('GET', path, resource).catch((error: unknown) => {
    if (!(error instanceof CliError) || error.code !== exitCodes.failed.code) throw error;
    throw new CliError('failed', `there is no project ${project} with a shipyard: keptn get projects`, {
      cause: error,
    });
  });
  const { stages } = parseShipyard(Buffer.from(resourceContent, 'base64').toString('utf8'));
  return stages.map(({ name }) => name);
}

/** Throws `usage` for a stage that a flag names and the project does not have. */
export function requireStage(flag: string, stage: string, project: string, order: readonly string[]): void {
  if (order.includes(stage)) return;
  throw new CliError('usage', `${flag}: there is no stage ${stage}: ${project} has ${order.join(', ')}`);
}
