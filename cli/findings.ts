/** What checks have found, as a table: `keptn doctor` and `keptn install` show the same. */
import { CliError } from './errors.ts';
import type { Column } from './output.ts';

export interface Finding {
  check: string;
  /** doubtful: it may work as it is, and somebody should look. */
  state: 'fine' | 'wrong' | 'doubtful' | 'skipped';
  /** What was found; where it is not fine, what to do. */
  said: string;
}

const marks = { fine: '✓', wrong: '✗', doubtful: '!', skipped: '-' };

export const findingColumns: readonly Column<Finding>[] = [
  { title: '', of: ({ state }) => marks[state] },
  { title: 'CHECK', of: ({ check }) => check },
  { title: 'FOUND', of: ({ said }) => said },
];

/** Throws `failed` when something is wrong. */
export function requireNoneWrong(findings: readonly Finding[]): void {
  const wrong = findings.filter(({ state }) => state === 'wrong');
  if (wrong.length > 0) throw new CliError('failed', `not in order: ${wrong.map(({ check }) => check).join(', ')}`);
}
