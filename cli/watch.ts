/** `--watch`: what is new in a list, or has changed, one line each, until Ctrl-C. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CliError, exitCodes } from './errors.ts';
import type { Column, Output } from './output.ts';

const LOOK_MS = 1_000;

/** `items`: what there is now. Lists with the newest first are followed in the order in which things happened. */
export async function watchList<T>(
  output: Output,
  items: readonly T[],
  load: () => Promise<readonly T[]>,
  columns: readonly Column<T>[],
): Promise<never> {
  let known = new Set(items.map((item) => JSON.stringify(item)));
  if (output.format === 'json' || output.format === 'yaml')
    for (const item of items.toReversed()) output.row(item, columns);
  else if (items.length > 0) await output.items(items.toReversed(), columns, '');
  for (let isAway = false; ; await sleep(LOOK_MS)) {
    try {
      const now = await load();
      for (const item of now.toReversed()) if (!known.has(JSON.stringify(item))) output.row(item, columns);
      known = new Set(now.map((item) => JSON.stringify(item)));
      isAway = false;
    } catch (error) {
      if (!(error instanceof CliError) || error.code !== exitCodes.unreachable.code) throw error;
      if (!isAway) output.line('WARN', `${error.message}; watching goes on when it is back`);
      isAway = true;
    }
  }
}
