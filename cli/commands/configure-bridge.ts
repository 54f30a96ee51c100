/** `keptn configure bridge`: whether the Bridge is reached from outside. */
import { Option, type Command } from 'commander';
import { z } from 'zod';
import { clientOf, outputOf, withOutput } from '../session.ts';

export function configureBridge(parent: Command): void {
  withOutput(parent.command('bridge'))
    .description('Has the Bridge reached from outside, or no more.')
    .addOption(
      new Option('-a, --action <action>', 'expose: by its public address; lockdown: by kubectl port-forward alone')
        .choices(['expose', 'lockdown'])
        .makeOptionMandatory(),
    )
    .action(async ({ action }: { action: 'expose' | 'lockdown' }, command: Command) => {
      const client = await clientOf(command);
      const host = await client.call('POST', '/v1/configure/bridge/expose', z.string(), action === 'expose');
      const said = action === 'expose' ? `The Bridge is at https://${host}` : 'The Bridge is not reached from outside';
      outputOf(command).line('INFO', said);
    });
}
