/** `keptn uninstall`. */
import { Option, type Command } from 'commander';
import { outputOf, withCluster, withOutput, type ClusterFlags } from '../session.ts';

interface Flags extends ClusterFlags {
  deleteData?: boolean;
  all?: boolean;
  force?: boolean;
  yes?: boolean;
  timeout: number;
  mock: boolean;
}

export function uninstall(program: Command): void {
  withCluster(withOutput(program.command('uninstall')))
    .description('Removes an installation: what the operator has made, and the operator. Data and projects are kept.')
    .addOption(
      new Option('--keep-data', 'keep volumes, token and passwords, as without the flag').conflicts('deleteData'),
    )
    .option('--delete-data', 'delete volumes, token and passwords too')
    .option('--all', 'delete every Project, Stage, Service and Resource too, and their kinds')
    .option('--force', 'where the operator does not do it: remove without it')
    .option('--timeout <seconds>', 'how long to wait for the operator', Number, 300)
    .option('-y, --yes', 'do not ask')
    .addOption(new Option('-s, --insecure-skip-tls-verify', 'of 0.6.2').hideHelp())
    .action(async (flags: Flags, command: Command) => {
      const [{ openCluster }, { runUninstall }] = await Promise.all([
        import('../cluster.ts'),
        import('../installation/uninstall.ts'),
      ]);
      const output = outputOf(command);
      const { timeout, mock, deleteData = false, all = false, force = false, yes = false } = flags;
      const wanted = { deleteData, all, force, yes, mock, timeoutMs: timeout * 1000 };
      await runUninstall(await openCluster(flags), wanted, output);
    });
}
