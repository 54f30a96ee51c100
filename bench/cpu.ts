/** CPU that the processes below this one have used, by what they are: our own by name, others by their program. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** Clock ticks a second: 100 on every Linux that Node runs on. */
const TICKS = 100;

interface Seen {
  pid: number;
  parent: number;
  name: string;
  seconds: number;
}

/** Seconds by name, user and system; with those of what a process started that has ended, such as helm. */
export function cpuBelow(root = process.pid): Map<string, number> {
  const seen = new Map(
    readdirSync('/proc')
      .flatMap((pid) => look(Number(pid)) ?? [])
      .map((one) => [one.pid, one]),
  );
  const isBelow = ({ parent }: Seen): boolean => {
    const next = seen.get(parent);
    return parent === root || (next !== undefined && isBelow(next));
  };
  const sums = new Map<string, number>();
  for (const one of seen.values()) {
    if (isBelow(one)) sums.set(one.name, (sums.get(one.name) ?? 0) + one.seconds);
  }
  return sums;
}

/** Undefined when it has ended meanwhile. */
function look(pid: number): Seen | undefined {
  if (!Number.isInteger(pid)) return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The program's name, in brackets, may have spaces.
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [user = 0, system = 0, childrenUser = 0, childrenSystem = 0] = fields.slice(11, 15);
    const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    const script = args.find((arg) => /\/(services\/[^/]+|operator)\/[^/]+\.ts$/.test(arg));
    const name = script?.split('/').at(-2) ?? basename(args[0] ?? '');
    return { pid, parent: fields[1] ?? 0, name, seconds: (user + system + childrenUser + childrenSystem) / TICKS };
  } catch {
    return undefined;
  }
}
