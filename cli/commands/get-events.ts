import type { Command } from 'commander';
import { z } from 'zod';
import { textIn } from '../../lib/events/event.ts';
import type { Client } from '../client.ts';
import { allOf } from '../pages.ts';
import { clientOf, outputOf, withOutput } from '../session.ts';

const event = z.looseObject({
  id: z.string(),
  type: z.string(),
  source: z.string(),
  time: z.string(),
  shkeptncontext: z.string(),
  data: z.unknown(),
});
type Event = z.infer<typeof event>;
const page = z.object({ events: z.array(event).nullable(), nextPageKey: z.string().optional() });

const filters = ['project', 'stage', 'service', 'type', 'keptnContext'] as const;
type Filters = Partial<Record<(typeof filters)[number], string>>;

const text = (data: unknown, name: string): string => textIn(data, name) ?? '';

const columns = [
  { title: 'TIME', of: ({ time }: Event) => time },
  { title: 'TYPE', of: ({ type }: Event) => type },
  { title: 'PROJECT', of: ({ data }: Event) => text(data, 'project') },
  { title: 'STAGE', of: ({ data }: Event) => text(data, 'stage') },
  { title: 'SERVICE', of: ({ data }: Event) => text(data, 'service') },
  { title: 'RESULT', of: ({ data }: Event) => text(data, 'result') },
  { title: 'CONTEXT', of: ({ shkeptncontext }: Event) => shkeptncontext },
  { title: 'SOURCE', of: ({ source }: Event) => source, isWide: true },
  { title: 'ID', of: ({ id }: Event) => id, isWide: true },
];

export function getEvents(parent: Command): void {
  withOutput(parent.command('events'))
    .description('Lists events, the newest first.')
    .option('-p, --project <name>', 'of this project')
    .option('-s, --stage <name>', 'of this stage')
    .option('--service <name>', 'of this service')
    .option('--type <type>', 'of this type')
    .option('--keptn-context <id>', 'of this keptn context')
    .option('--limit <n>', 'so many at most', Number, 20)
    .action(async (options: Filters & { limit: number }, command: Command) => {
      await outputOf(command).items(await find(await clientOf(), options), columns, 'No events.');
    });

  const single = parent.command('event').description('Shows the newest event of a type in a keptn context.');
  withOutput(single.command('evaluation-done'))
    .description('Shows the result of an evaluation.')
    .requiredOption('--keptn-context <id>', 'the keptn context')
    .action(async ({ keptnContext }: { keptnContext: string }, command: Command) => {
      const query = new URLSearchParams({ keptnContext, type: 'sh.keptn.events.evaluation-done' });
      await outputOf(command).value(await (await clientOf()).call('GET', `/v1/event?${query.toString()}`, event));
    });
}

function find(client: Client, { limit, ...given }: Filters & { limit: number }): Promise<Event[]> {
  return allOf(async (key, wanted) => {
    const pageSize = String(Math.min(100, wanted));
    // A context and a type alone mean the newest event, as in 0.6.2; an empty filter more makes it a list.
    const query = new URLSearchParams({ pageSize, source: '', ...(key && { nextPageKey: key }) });
    for (const name of filters) if (given[name] !== undefined) query.set(name, given[name]);
    const { events, nextPageKey } = await client.call('GET', `/v1/event?${query.toString()}`, page);
    return { items: events ?? [], next: nextPageKey };
  }, limit);
}
