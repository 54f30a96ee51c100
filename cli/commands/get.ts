/** `keptn get projects`, `stages`, `services`, `resources`: what is in Git. */
import type { Command } from 'commander';
import { z } from 'zod';
import { clientOf, showList, withWatch } from '../session.ts';

const project = z.object({ projectName: z.string(), stages: z.array(z.object({ stageName: z.string() })).nullish() });
const stage = z.object({ stageName: z.string() });
const service = z.object({ serviceName: z.string() });
const resource = z.object({ resourceURI: z.string() });

async function list<T>(command: Command, parts: readonly string[], field: string, item: z.ZodType<T>) {
  const [client, { at }, { listOf }] = await Promise.all([
    clientOf(command),
    import('../client.ts'),
    import('../names.ts'),
  ]);
  return () => listOf(client, at(...parts), field, item);
}

export function get(parent: Command): void {
  withWatch(parent.command('projects').alias('project'))
    .description('Lists the projects with their stages.')
    .action(async (_options: unknown, command: Command) => {
      const load = await list(command, ['project'], 'projects', project);
      const columns = [
        { title: 'NAME', of: (one: z.infer<typeof project>) => one.projectName },
        {
          title: 'STAGES',
          of: (one: z.infer<typeof project>) => (one.stages ?? []).map(({ stageName }) => stageName).join(', '),
        },
      ];
      await showList(command, load, columns, 'No projects: keptn create project');
    });
  withWatch(parent.command('stages').alias('stage'))
    .description('Lists the stages of a project.')
    .requiredOption('-p, --project <name>', 'the project')
    .action(async (options: { project: string }, command: Command) => {
      const load = await list(command, ['project', options.project, 'stage'], 'stages', stage);
      await showList(command, load, [{ title: 'NAME', of: (one) => one.stageName }], 'No stages.');
    });
  withWatch(parent.command('services').alias('service'))
    .description('Lists the services of a stage.')
    .requiredOption('-p, --project <name>', 'the project')
    .requiredOption('-s, --stage <name>', 'the stage')
    .action(async (options: { project: string; stage: string }, command: Command) => {
      const load = await list(
        command,
        ['project', options.project, 'stage', options.stage, 'service'],
        'services',
        service,
      );
      const columns = [{ title: 'NAME', of: (one: z.infer<typeof service>) => one.serviceName }];
      await showList(command, load, columns, 'No services: keptn create service');
    });
  withWatch(parent.command('resources').alias('resource'))
    .description('Lists the files of a project, a stage or a service.')
    .requiredOption('-p, --project <name>', 'the project')
    .option('-s, --stage <name>', 'the stage')
    .option('--service <name>', 'the service; needs a stage')
    .action(async (options: { project: string; stage?: string; service?: string }, command: Command) => {
      const { project: name, stage: ofStage, service: ofService } = options;
      const place = [...(ofStage ? ['stage', ofStage] : []), ...(ofService ? ['service', ofService] : [])];
      const load = await list(command, ['project', name, ...place, 'resource'], 'resources', resource);
      await showList(command, load, [{ title: 'URI', of: (one) => one.resourceURI }], 'No files.');
    });
}
