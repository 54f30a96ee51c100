/** `keptn configure domain`: what public hosts end in. */
import { Option, type Command } from 'commander';
import { outputOf, traceOf, waitingOf, withCluster, withWaiting, type ClusterFlags } from '../session.ts';

interface Flags extends ClusterFlags {
  mock: boolean;
  auth?: boolean;
}

export function configureDomain(parent: Command): void {
  withCluster(withWaiting(parent.command('domain <domain>'), 300))
    .description('Changes what public hosts end in: api.keptn.<domain>, bridge.keptn.<domain>.')
    .option('--auth', 'end with keptn auth')
    .addOption(new Option('-p, --platform <name>', 'of 0.6.2').hideHelp())
    .addOption(new Option('-k, --keptn-version <version>', 'of 0.6.2').hideHelp())
    .addOption(new Option('-s, --insecure-skip-tls-verify', 'of 0.6.2').hideHelp())
    .action(async (domain: string, flags: Flags, command: Command) => {
      const [{ openCluster }, { runConfigureDomain }] = await Promise.all([
        import('../cluster.ts'),
        import('../installation/configure-domain.ts'),
      ]);
      const cluster = await openCluster(flags);
      await runConfigureDomain(cluster, {
        domain,
        isMock: flags.mock,
        hasAuth: flags.auth ?? false,
        timeoutMs: waitingOf(command),
        output: outputOf(command),
        trace: traceOf(command),
      });
    });
}
