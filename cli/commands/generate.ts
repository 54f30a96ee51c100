/** `keptn generate docs`, `keptn generate support-archive`. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { outputOf, traceOf, withOutput } from '../session.ts';

export function generate(parent: Command): void {
  const program = parent.parent ?? parent;
  withOutput(parent.command('docs'))
    .description('Writes a page of Markdown for each command.')
    .option('--dir <folder>', 'the folder, which has to be there', './docs')
    .action(async ({ dir }: { dir: string }, command: Command) => {
      const [{ commandsOf, sectionOf }, { requireFolder }] = await Promise.all([
        import('../reference.ts'),
        import('../input.ts'),
      ]);
      await requireFolder(dir, '--dir');
      const pages = commandsOf(program, 'keptn');
      for (const [name, described] of pages) {
        const text = sectionOf(name, described).join('\n').replace(/^### /, '# ');
        await writeFile(join(dir, `${name.replaceAll(' ', '_')}.md`), text);
      }
      outputOf(command).line('INFO', `${pages.length} pages are in ${dir}`);
    });
  withOutput(parent.command('support-archive'))
    .description(
      'Gathers what helps to find a fault: versions, checks, events, log lines, objects. No tokens, no Secrets.',
    )
    .option('--dir <folder>', 'the folder for it, which has to be there', '.')
    .action(async ({ dir }: { dir: string }, command: Command) => {
      const [{ writeArchive }, { requireFolder }] = await Promise.all([
        import('../support-archive.ts'),
        import('../input.ts'),
      ]);
      await requireFolder(dir, '--dir');
      const path = await writeArchive(dir, traceOf(command));
      outputOf(command).line('INFO', `What was found is in ${path}; look through it before you hand it on`);
    });
}
