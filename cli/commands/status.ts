/** `keptn status`. */
import type { Command } from 'commander';
import { z } from 'zod';
import { clientOf, outputOf, warnOfVersion, withOutput } from '../session.ts';

export function status(program: Command): void {
  withOutput(program.command('status'))
    .description('Says which Keptn the commands speak with, and whether it lets them in.')
    .action(async (_options: unknown, command: Command) => {
      const client = await clientOf(command);
      await client.call('POST', '/v1/auth', z.unknown());
      const output = outputOf(command);
      const { endpoint } = client.credentials;
      await output.items(
        [{ endpoint, authenticated: true }],
        [
          { title: 'ENDPOINT', of: (one) => one.endpoint },
          { title: 'AUTHENTICATED', of: (one) => String(one.authenticated) },
        ],
        '',
      );
      await warnOfVersion(client, output);
    });
}
