import type { Command } from 'commander';
import { whenDone, clientOf, withWaiting } from '../session.ts';

export function createService(parent: Command): void {
  withWaiting(parent.command('service <name>'))
    .description('Makes a service without a chart.')
    .requiredOption('-p, --project <name>', 'its project')
    .action(async (serviceName: string, { project }: { project: string }, command: Command) => {
      const { begun } = await import('../client.ts');
      const path = `/v1/project/${encodeURIComponent(project)}/service`;
      await whenDone(command, await (await clientOf(command)).call('POST', path, begun, { serviceName }));
    });
}
