/** Asks who sits at the terminal. */
import { createInterface } from 'node:readline/promises';
import { CliError } from './errors.ts';

export const isAtTerminal = (): boolean => process.stdin.isTTY && process.stderr.isTTY;

/** Throws unless the answer is yes. Where nobody can be asked, only `--yes` is one. */
export async function requireYes(question: string, isSaid: boolean): Promise<void> {
  if (isSaid) return;
  if (!isAtTerminal()) throw new CliError('usage', `--yes: needed where nobody can be asked. ${question}`);
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await lines.question(`${question} [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw new CliError('failed', 'nothing is changed');
  } finally {
    lines.close();
  }
}
