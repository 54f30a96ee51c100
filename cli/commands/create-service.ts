import type { Command } from 'commander';
import { begin, withWaiting } from '../session.ts';

export function createService(parent: Command): void {
  withWaiting(parent.command('service <name>'))
    .description('Makes a service without a chart.')
    .requiredOption('-p, --project <name>', 'its project')
    .action(async (serviceName: string, { project }: { project: string }, command: Command) => {
      await begin(command, 'POST', ['project', project, 'service'], { serviceName });
    });
}
