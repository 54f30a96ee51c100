/** `keptn apply -f`: declares objects from YAML, as `kubectl apply` does, and waits until they are Ready. */
import type { Command } from 'commander';
import { clientOf, outputOf, waitingOf, withWaiting } from '../session.ts';

export function apply(program: Command): void {
  withWaiting(program.command('apply'), 120)
    .description('Makes and changes Project, Stage, Service and Resource objects as YAML declares them.')
    .requiredOption('-f, --file <path>', 'a file, a folder of files, or - for what comes in')
    .action(async ({ file }: { file: string }, command: Command) => {
      const [{ manifestsIn }, { applyAll, whenReady }, client] = await Promise.all([
        import('../manifests.ts'),
        import('../apply.ts'),
        clientOf(command),
      ]);
      const output = outputOf(command);
      const applied = await applyAll(client, await manifestsIn(file), output);
      const timeoutMs = waitingOf(command);
      if (timeoutMs !== undefined) await whenReady(client, applied, output, timeoutMs);
      const columns = [
        { title: 'KIND', of: ({ kind }: (typeof applied)[number]) => kind },
        { title: 'NAME', of: ({ name }: (typeof applied)[number]) => name },
        { title: 'OUTCOME', of: ({ outcome }: (typeof applied)[number]) => outcome },
      ];
      await output.items(applied, columns, 'Nothing to apply.');
    });
}
