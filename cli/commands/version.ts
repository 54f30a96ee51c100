/** `keptn version`: of the command line, and of the Keptn that it speaks with. */
import type { Command } from 'commander';
import { clientOf, outputOf, withOutput } from '../session.ts';

export function version(program: Command): void {
  withOutput(program.command('version'))
    .description('Shows the version of the command line, and of the Keptn that it speaks with.')
    .action(async (_options: unknown, command: Command) => {
      const [{ metadata }, { ownVersion }, { messageOf }] = await Promise.all([
        import('../version.ts'),
        import('../../lib/observe/version.ts'),
        import('../../lib/errors/classes.ts'),
      ]);
      const output = outputOf(command);
      const own = ownVersion();
      const shown = await clientOf(command)
        .then((client) => client.call('GET', '/v1/metadata', metadata))
        .then(
          ({ keptnversion }) => ({ keptn: keptnversion }),
          (error: unknown) => ({ keptn: '', problem: messageOf(error) }),
        );
      if (output.format === 'json' || output.format === 'yaml') return output.value({ cli: own, ...shown });
      process.stdout.write(`CLI version: ${own}\n`);
      if ('problem' in shown) output.line('WARN', `Keptn version: unknown, ${shown.problem}`);
      else process.stdout.write(`Keptn version: ${shown.keptn}\n`);
    });
}
