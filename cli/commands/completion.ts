/** `keptn completion`: a script for the shell, and the hidden command that it asks. */
import { Argument, type Command } from 'commander';
import { clientOf, withOutput } from '../session.ts';

export function completion(program: Command): void {
  program
    .command('completion')
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']))
    .description('Prints what makes the shell complete commands, flags and names: source <(keptn completion bash)')
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { scripts } = await import('../complete.ts');
      process.stdout.write(scripts[shell](program));
    });
  withOutput(program.command('__complete', { hidden: true }))
    .argument('[words...]')
    .action(async (words: string[], _options: unknown, command: Command) => {
      const [{ candidates }, { namesOf }] = await Promise.all([import('../complete.ts'), import('../names.ts')]);
      const found = await candidates(program, words, async (kind, given) => {
        // Without an answer there is nothing to offer, and nobody to tell.
        return clientOf(command)
          .then((client) => namesOf(client, kind, given.get('--project')))
          .catch(() => []);
      });
      process.stdout.write(found.map((one) => `${one}\n`).join(''));
    });
}
