import { Option, type Command } from 'commander';
import { z } from 'zod';
import { outputOf, traceOf, warnOfVersion, withOutput } from '../session.ts';

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
    .action(async ({ endpoint, apiToken: token, scheme }: Options, command: Command) => {
      const [{ Client, unknownCertificate }, { saveCredentials }, { CliError }] = await Promise.all([
        import('../client.ts'),
        import('../credentials.ts'),
        import('../errors.ts'),
      ]);
      const output = outputOf(command);
      const address = /^https?:\/\//.test(endpoint) ? endpoint : `${scheme}://${endpoint}`;
      if (!URL.canParse(address)) throw new CliError('usage', `--endpoint: ${endpoint} is no address`);
      const certificate = await unknownCertificate(address);
      const credentials = { endpoint: address, token, ...(certificate && { certificate }) };
      const client = new Client(credentials, traceOf(command));
      await client.call('POST', '/v1/auth', z.unknown());
      const path = await saveCredentials(credentials);
      if (certificate) {
        const { X509Certificate } = await import('node:crypto');
        const { fingerprint256 } = new X509Certificate(certificate);
        output.line(
          'WARN',
          `no authority vouches for its certificate; from now on only this one is taken: ${fingerprint256}`,
        );
      }
      output.line('INFO', `Successfully authenticated at ${address}; kept in ${path}`);
      await warnOfVersion(client, output);
    });
}
