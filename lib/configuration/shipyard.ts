/** shipyard.yaml as services read it from Git: whoever wrote it, and whatever else it has. */
import { z } from 'zod';
import { Terminal } from '../errors/classes.ts';
import { goText as text } from '../model/go-text.ts';
import { dnsLabel } from '../model/names.ts';
import type { Configuration } from './client.ts';
import { parseYamlFile } from './yaml-file.ts';

const schema = z.object({
  stages: z
    .array(
      z.object({
        name: dnsLabel,
        deployment_strategy: text,
        test_strategy: text,
        approval_strategy: text,
        remediation_strategy: text,
      }),
    )
    .min(1),
});
export type ShipyardStage = z.infer<typeof schema>['stages'][number];

/** The stages of a project in the order of promotion; `Terminal` when there is no shipyard, or none that can be read. */
export async function readShipyard(configuration: Configuration, project: string): Promise<ShipyardStage[]> {
  const content = await configuration.read({ project }, 'shipyard.yaml');
  if (!content) throw new Terminal('NotFound', `there is no shipyard.yaml in project ${project}: does it exist?`);
  const { stages } = parseShipyard(content.toString('utf8'), `shipyard.yaml of ${project}`);
  return stages;
}

/** `name`: of the file, for messages. */
export function parseShipyard(content: string, name = 'shipyard'): z.infer<typeof schema> {
  return parseYamlFile(content, schema, name);
}

/** True where a canary runs beside the primary. Anything that 0.6.2 does not know is direct, as there. */
export function isDuplicate({ deployment_strategy: strategy }: ShipyardStage): boolean {
  return ['blue_green_service', 'blue_green', 'canary'].includes(strategy);
}
