/** What could come next on the command line: for the shells, which ask at each press of Tab. */
import type { Command, Option } from 'commander';

/** Names that Keptn knows, by what is on the line already. */
export type Lookup = (kind: 'project' | 'stage' | 'service', given: ReadonlyMap<string, string>) => Promise<string[]>;

/** `words`: what is on the line, without `keptn`; the last is being written, and may be empty. */
export async function candidates(program: Command, words: readonly string[], lookup: Lookup): Promise<string[]> {
  // bash takes `=` for a word of its own.
  const line = words.filter((word, nth) => word !== '=' || nth === words.length - 1);
  const current = line.at(-1) === '=' ? '' : (line.at(-1) ?? '');
  const { command, given, open } = read(program, line.slice(0, -1));
  const [, flag, begun] = /^(--[\w-]+)=(.*)$/.exec(current) ?? [];
  const option = flag === undefined ? open : optionOf(command, flag);
  if (option) {
    const prefix = flag === undefined ? '' : `${flag}=`;
    return starting(await valuesOf(option, given, lookup), begun ?? current).map((value) => prefix + value);
  }
  if (current.startsWith('-')) {
    const flags = command.options.filter(({ hidden }) => !hidden);
    return starting([...flags.flatMap(({ long }) => long ?? []), '--help'], current).filter((name) => !given.has(name));
  }
  const [argument] = command.registeredArguments;
  const projects =
    argument?.name() === 'name' && command.parent?.name() === 'delete' ? await lookup('project', given) : [];
  return starting(
    [...command.commands.map((child) => child.name()), ...(argument?.argChoices ?? []), ...projects],
    current,
  );
}

/** What the words before mean: the command, the flags that have a value, and the one that waits for its value. */
function read(program: Command, words: readonly string[]) {
  let command = program;
  const given = new Map<string, string>();
  let open: Option | undefined;
  for (const word of words) {
    if (open) {
      given.set(open.long ?? '', word);
      open = undefined;
    } else if (word.startsWith('-')) {
      const [name = '', value] = word.split('=', 2);
      const option = optionOf(command, name);
      if (value === undefined && option?.required) open = option;
      else given.set(option?.long ?? name, value ?? '');
    } else command = command.commands.find((child) => child.name() === word) ?? command;
  }
  return { command, given, open };
}

const optionOf = (command: Command, flag: string): Option | undefined =>
  command.options.find(({ long, short }) => long === flag || short === flag);

const named: Readonly<Record<string, 'project' | 'stage' | 'service'>> = {
  '--project': 'project',
  '--stage': 'stage',
  '--to': 'stage',
  '--until': 'stage',
  '--service': 'service',
};

async function valuesOf(option: Option, given: ReadonlyMap<string, string>, lookup: Lookup): Promise<string[]> {
  const kind = named[option.long ?? ''];
  return option.argChoices ?? (kind === undefined ? [] : lookup(kind, given));
}

const starting = (values: readonly string[], start: string): string[] =>
  values.filter((value) => value.startsWith(start)).sort();

/** Flags that name a file, so that the shell can offer files. */
export function fileFlags(command: Command): string[] {
  const own = command.options
    .filter(({ flags }) => /<(file|path|folder)>/.test(flags))
    .flatMap(({ long }) => long ?? []);
  return [...new Set([...own, ...command.commands.flatMap(fileFlags)])].sort();
}

/** What `keptn completion` prints. */
export const scripts = {
  bash: () => `_keptn() {
  local IFS=$'\\n'
  COMPREPLY=($(keptn __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _keptn keptn
`,
  zsh: () => `#compdef keptn
_keptn() {
  local -a found
  found=("\${(@f)$(keptn __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${found[1]}" ]]; then compadd -- "\${found[@]}"; else _files; fi
}
compdef _keptn keptn
`,
  fish: (program: Command) =>
    [
      `complete -c keptn -f -a '(keptn __complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'`,
      ...fileFlags(program).map((flag) => `complete -c keptn -l ${flag.slice(2)} -r -F`),
      '',
    ].join('\n'),
};
