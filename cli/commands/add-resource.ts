import type { Command } from 'commander';
import { z } from 'zod';
import { clientOf, outputOf, withOutput } from '../session.ts';

interface Options {
  project: string;
  stage?: string;
  service?: string;
  resource: string;
  resourceUri?: string;
}

export function addResource(program: Command): void {
  withOutput(program.command('add-resource'))
    .description('Puts a file into Git: of a project, of a stage, or of a service in a stage or in all.')
    .requiredOption('-p, --project <name>', 'the project')
    .option('-s, --stage <name>', 'the stage; without it the file is of the project, or of the service in every stage')
    .option('--service <name>', 'the service')
    .requiredOption('-r, --resource <file>', 'the file')
    .option('--resourceUri <path>', 'where it goes; the path of the file by default')
    .action(async ({ project, stage, service, resource, resourceUri = resource }: Options, command: Command) => {
      const [{ readInput }, { at }] = await Promise.all([import('../input.ts'), import('../client.ts')]);
      const resourceContent = (await readInput(resource, '--resource')).toString('base64');
      const place = ['project', project, ...(stage ? ['stage', stage] : []), ...(service ? ['service', service] : [])];
      const path = at(...place, 'resource');
      const body = { resources: [{ resourceURI: resourceUri.replace(/^(\.?\/)+/, ''), resourceContent }] };
      await (await clientOf(command)).call('POST', path, z.unknown(), body);
      outputOf(command).line('INFO', 'Resource has been uploaded.');
    });
}
