/** `keptn set config KEY VALUE`. */
import type { Command } from 'commander';
import { outputOf, withOutput } from '../session.ts';

const values: Readonly<Record<string, boolean>> = { true: true, false: false };

export function setConfig(parent: Command): void {
  withOutput(parent.command('config <key> <value>'))
    .description('Sets AutomaticVersionCheck: whether `auth` and `status` warn of a Keptn of another version.')
    .action(async (key: string, value: string, _options: unknown, command: Command) => {
      const [{ CliError }, { loadConfig, saveConfig }] = await Promise.all([
        import('../errors.ts'),
        import('../config.ts'),
      ]);
      if (key !== 'AutomaticVersionCheck') {
        throw new CliError('usage', `there is no setting ${key}: there is AutomaticVersionCheck`);
      }
      const isOn = values[value.toLowerCase()];
      if (isOn === undefined) throw new CliError('usage', `AutomaticVersionCheck: must be true or false, not ${value}`);
      await saveConfig({ ...(await loadConfig()), automatic_version_check: isOn });
      outputOf(command).line('INFO', `AutomaticVersionCheck is ${isOn}`);
    });
}
