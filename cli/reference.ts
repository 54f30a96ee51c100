/** What there is to say of each command: its arguments and flags. */
import type { Command } from 'commander';

/** Those that do something, with their full names. */
export function commandsOf(command: Command, name: string): [string, Command][] {
  const below = command
    .createHelp()
    .visibleCommands(command)
    .filter((child) => child.name() !== 'help')
    .flatMap((child) => commandsOf(child, `${name} ${child.name()}`));
  const isCallable = command.options.length > 0 || command.commands.length === 0;
  return isCallable ? [[name, command], ...below] : below;
}

/** In Markdown. */
export function sectionOf(name: string, command: Command): string[] {
  const args = command.registeredArguments.map((one) => ` <${one.name()}>`).join('');
  const rows = command.options
    .filter(({ hidden }) => !hidden)
    .map((option) => {
      const { flags, description, mandatory, argChoices } = option;
      const defaultValue: unknown = option.defaultValue;
      const choices = argChoices ? ` (${argChoices.join(', ')})` : '';
      const shown =
        typeof defaultValue === 'string' || typeof defaultValue === 'number' ? `; ${defaultValue} by default` : '';
      return `| \`${flags}\` | ${description}${choices}${mandatory ? '; needed' : shown} |`;
    });
  return [
    `### ${name}${args.replaceAll('<', '\\<')}`,
    '',
    command.description(),
    '',
    '| flag | |',
    '| --- | --- |',
    ...rows,
    '',
  ];
}
