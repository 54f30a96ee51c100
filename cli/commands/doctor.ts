/** `keptn doctor`: what is wrong between here and Keptn, and what to do about it. */
import type { Command } from 'commander';
import { outputOf, traceOf, withOutput } from '../session.ts';

export function doctor(program: Command): void {
  withOutput(program.command('doctor'))
    .description('Looks for what keeps the commands from working, and says what to do about it.')
    .action(async (_options: unknown, command: Command) => {
      const [{ examine }, { CliError }] = await Promise.all([import('../doctor.ts'), import('../errors.ts')]);
      const findings = await examine(traceOf(command));
      const marks = { fine: '✓', wrong: '✗', skipped: '-' };
      const columns = [
        { title: '', of: ({ state }: (typeof findings)[number]) => marks[state] },
        { title: 'CHECK', of: ({ check }: (typeof findings)[number]) => check },
        { title: 'FOUND', of: ({ said }: (typeof findings)[number]) => said },
      ];
      await outputOf(command).items(findings, columns, '');
      const wrong = findings.filter(({ state }) => state === 'wrong');
      if (wrong.length > 0) throw new CliError('failed', `not in order: ${wrong.map(({ check }) => check).join(', ')}`);
    });
}
