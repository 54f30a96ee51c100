/** `keptn install`: checks, applies, and shows how the installation comes up. */
import { Option, type Command } from 'commander';
import type { InstallFlags } from '../installation/desired.ts';
import type { OldFlags } from '../installation/before.ts';
import { outputOf, traceOf, waitingOf, withCluster, withWaiting, type ClusterFlags } from '../session.ts';

interface Flags extends ClusterFlags, InstallFlags, OldFlags {
  dryRun?: boolean;
  mock: boolean;
  auth?: boolean;
  yes?: boolean;
}

const hidden = (flags: string, text: string): Option => new Option(flags, text).hideHelp();

export function install(program: Command): void {
  withCluster(withWaiting(program.command('install'), 600))
    .description('Installs Keptn into a cluster, or upgrades it to the version of the command line. Checks come first.')
    .option('-f, --values <file>', 'a file with a Keptn object, as docs/spec/Keptn.md describes it')
    .addOption(
      new Option('-u, --use-case <name...>', 'what it is for; all without').choices([
        ...['all', 'continuous-delivery', 'quality-gates', 'continuous-operations'],
      ]),
    )
    .option('-d, --domain <name>', 'what public hosts end in: api.keptn.<domain>, bridge.keptn.<domain>')
    .addOption(
      new Option('--ingress <type>', 'how they are reached; by what is there without').choices([
        ...['Istio', 'Ingress', 'Gateway', 'None'],
      ]),
    )
    .option('--storage-class <name>', 'of all volumes; the default class without')
    .option('--image <image>', 'of the operator, and so of all parts; that of this version without')
    .option('--dry-run', 'show as YAML what would be applied, and ask no cluster')
    .option('--auth', 'end with keptn auth')
    .option('-y, --yes', 'do not ask')
    .addOption(
      hidden('-p, --platform <name>', 'of 0.6.2').choices([...['aks', 'eks', 'gke', 'pks', 'openshift', 'kubernetes']]),
    )
    .addOption(hidden('-c, --creds <file>', 'of 0.6.2'))
    .addOption(hidden('-g, --gateway <type>', 'of 0.6.2'))
    .addOption(hidden('-s, --insecure-skip-tls-verify', 'of 0.6.2'))
    .addOption(hidden('-k, --keptn-installer-image <image>', 'of 0.6.2'))
    .addOption(hidden('--keptn-version <version>', 'of 0.6.2'))
    .addOption(
      hidden('--ingress-install-option <option>', 'of 0.6.2').choices(['StopIfInstalled', 'Reuse', 'Overwrite']),
    )
    .action(async (flags: Flags, command: Command) => {
      const [{ takeOldFlags }, { desiredOf, manifests }] = await Promise.all([
        import('../installation/before.ts'),
        import('../installation/desired.ts'),
      ]);
      const output = outputOf(command);
      takeOldFlags(flags, output);
      const desired = await desiredOf(flags);
      if (flags.dryRun || flags.mock) {
        const { stringify } = await import('yaml');
        const objects = await manifests(desired);
        process.stdout.write(
          objects.map((object) => stringify(object, { aliasDuplicateObjects: false })).join('---\n'),
        );
        return;
      }
      const { runInstall } = await import('../installation/run.ts');
      await runInstall({
        flags,
        desired,
        output: () => outputOf(command),
        trace: traceOf(command),
        timeoutMs: waitingOf(command),
      });
    });
}
