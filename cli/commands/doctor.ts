/** `keptn doctor`: what is wrong between here and Keptn, and what to do about it. */
import type { Command } from 'commander';
import { outputOf, traceOf, withCluster, withOutput, type ClusterFlags } from '../session.ts';

export function doctor(program: Command): void {
  withCluster(withOutput(program.command('doctor')))
    .description('Looks for what keeps the commands from working, and says what to do about it.')
    .action(async (flags: ClusterFlags, command: Command) => {
      const [{ examine }, { findingColumns, requireNoneWrong }] = await Promise.all([
        import('../doctor.ts'),
        import('../findings.ts'),
      ]);
      const findings = await examine(traceOf(command), flags);
      await outputOf(command).items(findings, findingColumns, '');
      requireNoneWrong(findings);
    });
}
