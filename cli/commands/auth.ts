import { Option, type Command } from 'commander';
import { traceOf, withOutput } from '../session.ts';

interface Options {
  endpoint: string;
  apiToken: string;
  scheme: string;
}

export function auth(program: Command): void {
  withOutput(program.command('auth'))
    .description('Says where Keptn is, and keeps the token for the commands after it.')
    .requiredOption('-e, --endpoint <address>', 'address of the api, such as https://api.keptn.example.com')
    .requiredOption('-a, --api-token <token>', 'the API token')
    .addOption(
      new Option('--scheme <scheme>', 'where the address has none').choices(['https', 'http']).default('https'),
    )
    .action(async ({ endpoint: given, apiToken: token, scheme }: Options, command: Command) => {
      const [{ authenticate }, { CliError }] = await Promise.all([
        import('../authenticate.ts'),
        import('../errors.ts'),
      ]);
      const endpoint = /^https?:\/\//.test(given) ? given : `${scheme}://${given}`;
      if (!URL.canParse(endpoint)) throw new CliError('usage', `--endpoint: ${given} is no address`);
      await authenticate({ endpoint, token }, traceOf(command));
    });
}
