import type { Command } from 'commander';
import { begin, withWaiting } from '../session.ts';

export function deleteProject(parent: Command): void {
  withWaiting(parent.command('project <name>'))
    .description('Deletes a project with its services and its repository.')
    .action(async (name: string, _options: unknown, command: Command) => {
      await begin(command, 'DELETE', ['project', name]);
    });
}
