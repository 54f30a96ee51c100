import type { Command } from 'commander';
import { whenDone, clientOf, withWaiting } from '../session.ts';

export function deleteProject(parent: Command): void {
  withWaiting(parent.command('project <name>'))
    .description('Deletes a project with its services and its repository.')
    .action(async (name: string, _options: unknown, command: Command) => {
      const { begun } = await import('../client.ts');
      await whenDone(
        command,
        await (await clientOf(command)).call('DELETE', `/v1/project/${encodeURIComponent(name)}`, begun),
      );
    });
}
