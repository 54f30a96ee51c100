/** `keptn get projects`, `stages`, `services`, `resources`: what is in Git. */
import type { Command } from 'commander';
import { z } from 'zod';
import type { Client } from '../client.ts';
import { allOf } from '../pages.ts';
import { clientOf, outputOf, withOutput } from '../session.ts';

const page = z.object({ nextPageKey: z.string().default('0') });
const project = z.object({ projectName: z.string(), stages: z.array(z.object({ stageName: z.string() })).nullish() });
const stage = z.object({ stageName: z.string() });
const service = z.object({ serviceName: z.string() });
const resource = z.object({ resourceURI: z.string() });

function listOf<T>(client: Client, path: string, field: string, item: z.ZodType<T>): Promise<T[]> {
  return allOf(async (key) => {
    const query = new URLSearchParams({ pageSize: '50', ...(key && { nextPageKey: key }) });
    const answer = await client.call('GET', `${path}?${query.toString()}`, page.loose());
    const next = answer.nextPageKey;
    return { items: z.array(item).nullish().parse(answer[field]) ?? [], next: next === '0' ? undefined : next };
  });
}

const at = (...parts: string[]): string => `/v1/${parts.map(encodeURIComponent).join('/')}`;

export function get(parent: Command): void {
  withOutput(parent.command('projects').alias('project'))
    .description('Lists the projects with their stages.')
    .action(async (_options: unknown, command: Command) => {
      const projects = await listOf(await clientOf(), '/v1/project', 'projects', project);
      const columns = [
        { title: 'NAME', of: (one: z.infer<typeof project>) => one.projectName },
        {
          title: 'STAGES',
          of: (one: z.infer<typeof project>) => (one.stages ?? []).map(({ stageName }) => stageName).join(', '),
        },
      ];
      await outputOf(command).items(projects, columns, 'No projects: keptn create project');
    });
  withOutput(parent.command('stages').alias('stage'))
    .description('Lists the stages of a project.')
    .requiredOption('-p, --project <name>', 'the project')
    .action(async (options: { project: string }, command: Command) => {
      const stages = await listOf(await clientOf(), at('project', options.project, 'stage'), 'stages', stage);
      await outputOf(command).items(stages, [{ title: 'NAME', of: (one) => one.stageName }], 'No stages.');
    });
  withOutput(parent.command('services').alias('service'))
    .description('Lists the services of a stage.')
    .requiredOption('-p, --project <name>', 'the project')
    .requiredOption('-s, --stage <name>', 'the stage')
    .action(async (options: { project: string; stage: string }, command: Command) => {
      const path = at('project', options.project, 'stage', options.stage, 'service');
      const services = await listOf(await clientOf(), path, 'services', service);
      const columns = [{ title: 'NAME', of: (one: z.infer<typeof service>) => one.serviceName }];
      await outputOf(command).items(services, columns, 'No services: keptn create service');
    });
  withOutput(parent.command('resources').alias('resource'))
    .description('Lists the files of a project, a stage or a service.')
    .requiredOption('-p, --project <name>', 'the project')
    .option('-s, --stage <name>', 'the stage')
    .option('--service <name>', 'the service; needs a stage')
    .action(async (options: { project: string; stage?: string; service?: string }, command: Command) => {
      const { project: name, stage: ofStage, service: ofService } = options;
      const place = [...(ofStage ? ['stage', ofStage] : []), ...(ofService ? ['service', ofService] : [])];
      const path = at('project', name, ...place, 'resource');
      const resources = await listOf(await clientOf(), path, 'resources', resource);
      await outputOf(command).items(resources, [{ title: 'URI', of: (one) => one.resourceURI }], 'No files.');
    });
}
