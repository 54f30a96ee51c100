import type { Command } from 'commander';
import { z } from 'zod';
import { allOf } from '../pages.ts';
import { clientOf, outputOf, withOutput } from '../session.ts';

const entry = z.object({
  timestamp: z.string(),
  keptnService: z.string().default(''),
  logLevel: z.string().default('INFO'),
  message: z.string().default(''),
});
const page = z.object({ logs: z.array(entry).nullable(), nextPageKey: z.string().optional() });

export function logs(program: Command): void {
  withOutput(program.command('logs <context>'))
    .description('Shows what was told in a keptn context, the oldest first.')
    .option('-f, --follow', 'and what is told from now on, until it is over', false)
    .option('--timeout <seconds>', 'how long to follow', Number, 3600)
    .action(async (context: string, options: { follow: boolean; timeout: number }, command: Command) => {
      const client = await clientOf(command);
      const output = outputOf(command);
      if (options.follow) {
        const [{ follow }, { overWhen }] = await Promise.all([import('../follow.ts'), import('../delivery-view.ts')]);
        const { credentials } = client;
        const followed = { credentials, keptnContext: context, isOver: overWhen(client, context) };
        return follow(followed, output, options.timeout * 1000);
      }
      const entries = await allOf(async (key) => {
        const query = new URLSearchParams({ keptnContext: context, pageSize: '100', ...(key && { nextPageKey: key }) });
        const found = await client.call('GET', `/v1/log?${query.toString()}`, page);
        return { items: found.logs ?? [], next: found.nextPageKey };
      });
      const columns = [
        { title: 'TIME', of: (one: z.infer<typeof entry>) => one.timestamp },
        { title: 'SERVICE', of: (one: z.infer<typeof entry>) => one.keptnService },
        { title: 'LEVEL', of: (one: z.infer<typeof entry>) => one.logLevel, isWide: true },
        { title: 'MESSAGE', of: (one: z.infer<typeof entry>) => one.message },
      ];
      await output.items(entries.reverse(), columns, 'Nothing was told in this context.');
    });
}
