/** docs/cli.md: every command with its arguments and flags, and the exit codes. */
import { exitCodes } from '../cli/errors.ts';
import { createProgram } from '../cli/program.ts';
import { commandsOf, sectionOf } from '../cli/reference.ts';

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
    'Results go to stdout, progress and errors to stderr. The address is kept in `~/.keptn/credentials.json`, and the token in the keyring of',
    'the system; where there is none (on Linux: no desktop session), in that file, which only its owner can read. `KEPTN_ENDPOINT` and',
    '`KEPTN_API_TOKEN` stand over both. Colours come on a terminal alone, and not with `NO_COLOR`. A certificate that no authority vouches for',
    'is taken at `keptn auth`, and from then on no other.',
    '',
    'Commands that begin something show it to its end, and their exit code is the result; `--no-wait` and `--timeout` are there for who has no time.',
    '`source <(keptn completion bash)` completes commands, flags and the names of projects, stages and services; zsh and fish likewise.',
    '`keptn doctor` finds what is wrong between here and Keptn.',
    '',
    'From Keptn 0.6.2 come all its commands but `install`, `uninstall`, `configure domain` and `configure bridge`, with their flags.',
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
