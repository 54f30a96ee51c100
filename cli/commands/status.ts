/** `keptn status`. */
import type { Command } from 'commander';
import { z } from 'zod';
import type { InstallationState } from '../installation/examine.ts';
import { clientOf, outputOf, warnOfVersion, withCluster, withOutput, type ClusterFlags } from '../session.ts';

interface Flags extends ClusterFlags {
  verbose: boolean;
}

export function status(program: Command): void {
  withCluster(withOutput(program.command('status')))
    .description(
      'Says which Keptn the commands speak with, whether it lets them in, and what the installation in the cluster has.',
    )
    .action(async (flags: Flags, command: Command) => {
      const output = outputOf(command);
      const isTable = output.format === 'table' || output.format === 'wide';
      const [api, installation] = await Promise.allSettled([askApi(command), installationOf(flags, command)]);
      const access = api.status === 'fulfilled' ? [api.value.access] : [];
      const state = installation.status === 'fulfilled' ? installation.value : undefined;
      if (isTable) {
        if (access.length > 0) await output.items(access, accessColumns, '');
        if (state) await showInstallation(state, command);
      } else if (access.length > 0 || state) {
        await output.value([{ ...access[0], ...(state && { installation: state }) }]);
      }
      for (const one of [api, installation]) if (one.status === 'rejected') throw one.reason;
      if (api.status === 'fulfilled') await warnOfVersion(api.value.client, output);
    });
}

const accessColumns = [
  { title: 'ENDPOINT', of: (one: { endpoint: string }) => one.endpoint },
  { title: 'AUTHENTICATED', of: (one: { authenticated: boolean }) => String(one.authenticated) },
];

async function askApi(command: Command) {
  const client = await clientOf(command);
  await client.call('POST', '/v1/auth', z.unknown());
  return { client, access: { endpoint: client.credentials.endpoint, authenticated: true } };
}

/** Undefined where there is none. A cluster that nobody has asked for may be away. */
async function installationOf(flags: Flags, command: Command): Promise<InstallationState | undefined> {
  const { hasKubeconfig } = await import('../kubeconfig.ts');
  if (!(await hasKubeconfig(flags))) return undefined;
  const [{ openCluster }, { installationState }, { messageOf }] = await Promise.all([
    import('../cluster.ts'),
    import('../installation/examine.ts'),
    import('../../lib/errors/classes.ts'),
  ]);
  try {
    return await installationState(await openCluster(flags));
  } catch (error) {
    if (flags.kubeconfig !== undefined || flags.context !== undefined) throw error;
    if (flags.verbose) outputOf(command).line('INFO', messageOf(error));
    return undefined;
  }
}

async function showInstallation(state: InstallationState, command: Command): Promise<void> {
  const { componentColumns } = await import('../installation/components.ts');
  const columns = [
    { title: 'INSTALLATION', of: (one: InstallationState) => `${one.context}/${one.namespace}` },
    { title: 'VERSION', of: (one: InstallationState) => one.version ?? '' },
    { title: 'READY', of: (one: InstallationState) => String(one.ready) },
    { title: 'URL', of: (one: InstallationState) => one.url ?? '' },
    { title: 'MESSAGE', of: (one: InstallationState) => one.message },
  ];
  await outputOf(command).items([state], columns, '');
  await outputOf(command).items(state.components, componentColumns, 'No component has told how it is yet.');
}
