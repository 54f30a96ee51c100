import type { Command } from 'commander';
import { begin, withWaiting } from '../session.ts';

interface Options {
  shipyard: string;
  gitUser?: string;
  gitToken?: string;
  gitRemoteUrl?: string;
}

export function createProject(parent: Command): void {
  withWaiting(parent.command('project <name>'))
    .description('Makes a project with the stages of a shipyard file.')
    .requiredOption('-s, --shipyard <file>', 'the shipyard file')
    .option('-u, --git-user <user>', 'user for the repository that the project follows')
    .option('-t, --git-token <token>', 'token of that user')
    .option('-r, --git-remote-url <address>', 'the repository')
    .action(async (name: string, options: Options, command: Command) => {
      const { readInput } = await import('../input.ts');
      const shipyard = (await readInput(options.shipyard, '--shipyard')).toString('base64');
      const { gitUser, gitToken, gitRemoteUrl: gitRemoteURL } = options;
      const body = { name, shipyard, gitUser, gitToken, gitRemoteURL };
      await begin(command, 'POST', ['project'], body);
    });
}
