/** docs/cli.md: every command with its arguments and flags, and the exit codes. */
import type { Command } from 'commander';
import { exitCodes } from '../cli/errors.ts';
import { createProgram } from '../cli/program.ts';

export function cliPage(): string {
  return [
    '<!-- Generated from cli/ by `npm run generate`: change it there. -->',
    '# keptn',
    '',
    'The command line. In the folder of the project it is `npx keptn`; `npm link` makes it `keptn` everywhere.',
    '',
    '```sh',
    'npx keptn auth --endpoint=http://127.0.0.1:8083 --api-token=$(cat .keptn/api-token)   # what `npm start` runs',
    'npx keptn create project shop --shipyard=shipyard.yaml',
    'npx keptn get projects',
    '```',
    '',
    'Results go to stdout, progress and errors to stderr. The address and the token are kept in `~/.keptn/credentials.json`, which',
    'only its owner can read; `KEPTN_ENDPOINT` and `KEPTN_API_TOKEN` stand over it. Colours come on a terminal alone, and not with',
    '`NO_COLOR`. A certificate that no authority vouches for is taken at `keptn auth`, and from then on no other.',
    '',
    '## Exit codes',
    '',
    '| code | meaning |',
    '| --- | --- |',
    '| 0 | Done. |',
    ...Object.values(exitCodes).map(({ code, meaning }) => `| ${code} | ${meaning} |`),
    '| 130 | Ended by Ctrl-C; what has begun goes on in Keptn. |',
    '',
    '## Commands',
    '',
    ...commandsOf(createProgram(), 'keptn').flatMap(([name, command]) => sectionOf(name, command)),
  ].join('\n');
}

/** Those that do something, with their full names. */
function commandsOf(command: Command, name: string): [string, Command][] {
  const below = command.commands.flatMap((child) => commandsOf(child, `${name} ${child.name()}`));
  const isCallable = command.options.length > 0 || command.commands.length === 0;
  return isCallable ? [[name, command], ...below] : below;
}

function sectionOf(name: string, command: Command): string[] {
  const args = command.registeredArguments.map((one) => ` <${one.name()}>`).join('');
  const rows = command.options.map((option) => {
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
