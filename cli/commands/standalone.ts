/** `keptn standalone`: a Keptn of its own, as `npm start` runs it. */
import type { Command } from 'commander';

export function standalone(program: Command): void {
  program
    .command('standalone')
    .argument('[arguments...]', 'a folder of manifests, and flags: keptn standalone --help shows them')
    .description('Runs Keptn on a folder of YAML files: no cluster, no Docker, no database server.')
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (args: string[]) => {
      const { spawn } = await import('node:child_process');
      const { fileURLToPath } = await import('node:url');
      const main = fileURLToPath(new URL('../../operator/standalone.ts', import.meta.url));
      const child = spawn(process.execPath, [main, ...args], { stdio: 'inherit' });
      // Ctrl-C reaches it too, and it has to end what is in work: to end before it would orphan it.
      process.removeAllListeners('SIGINT').on('SIGINT', () => undefined);
      process.on('SIGTERM', () => child.kill('SIGTERM'));
      process.exitCode = await new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
    });
}
