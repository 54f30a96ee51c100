import type { Command } from 'commander';
import { z } from 'zod';
import { textIn } from '../../lib/events/event.ts';
import type { FoundEvent } from '../events.ts';
import { clientOf, outputOf, showList, withOutput, withWatch } from '../session.ts';

interface Options {
  project?: string;
  stage?: string;
  service?: string;
  type?: string;
  keptnContext?: string;
  limit: number;
}

const text = (data: unknown, name: string): string => textIn(data, name) ?? '';

const columns = [
  { title: 'TIME', of: ({ time }: FoundEvent) => time },
  { title: 'TYPE', of: ({ type }: FoundEvent) => type },
  { title: 'PROJECT', of: ({ data }: FoundEvent) => text(data, 'project') },
  { title: 'STAGE', of: ({ data }: FoundEvent) => text(data, 'stage') },
  { title: 'SERVICE', of: ({ data }: FoundEvent) => text(data, 'service') },
  { title: 'RESULT', of: ({ data }: FoundEvent) => text(data, 'result') },
  { title: 'CONTEXT', of: ({ shkeptncontext }: FoundEvent) => shkeptncontext },
  { title: 'SOURCE', of: ({ source }: FoundEvent) => source, isWide: true },
  { title: 'ID', of: ({ id }: FoundEvent) => id, isWide: true },
];

export function getEvents(parent: Command): void {
  withWatch(parent.command('events'))
    .description('Lists events, the newest first.')
    .option('-p, --project <name>', 'of this project')
    .option('-s, --stage <name>', 'of this stage')
    .option('--service <name>', 'of this service')
    .option('--type <type>', 'of this type')
    .option('--keptn-context <id>', 'of this keptn context')
    .option('--limit <n>', 'so many at most', Number, 20)
    .action(async ({ project, stage, service, type, keptnContext, limit }: Options, command: Command) => {
      const { findEvents } = await import('../events.ts');
      const filters = { project, stage, service, type, keptnContext };
      const client = await clientOf(command);
      await showList(command, () => findEvents(client, filters, limit), columns, 'No events.');
    });

  const single = parent.command('event').description('Shows the newest event of a type in a keptn context.');
  withOutput(single.command('evaluation-done'))
    .description('Shows the result of an evaluation.')
    .requiredOption('--keptn-context <id>', 'the keptn context')
    .action(async ({ keptnContext }: { keptnContext: string }, command: Command) => {
      const query = new URLSearchParams({ keptnContext, type: 'sh.keptn.events.evaluation-done' });
      await outputOf(command).value(
        await (await clientOf(command)).call('GET', `/v1/event?${query.toString()}`, z.unknown()),
      );
    });
}
