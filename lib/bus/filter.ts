/** Subject filters as NATS understands them: `*` is one token, `>` at the end is one or more. */

/** Events, or dead letters: a filter is for one of them. */
export const filterPattern = /^(sh\.keptn|dead)(\.(\*|[A-Za-z0-9_-]+))*(\.(>|\*|[A-Za-z0-9_-]+))$/;

export function matches(filter: string, subject: string): boolean {
  return relate(filter.split('.'), subject.split('.'), (wanted, given) => wanted === '*' || wanted === given);
}

/** True when everything that `narrow` matches, `wide` does too. */
export function covers(wide: string, narrow: string): boolean {
  const narrowTokens = narrow.split('.');
  return relate(
    wide.split('.'),
    narrowTokens,
    (wanted, given) => given !== '>' && (wanted === '*' || wanted === given),
  );
}

/** True when a subject could match both. */
export function overlap(left: string, right: string): boolean {
  const [a, b] = [left.split('.'), right.split('.')];
  for (let i = 0; ; i += 1) {
    const [x, y] = [a[i], b[i]];
    if (x === undefined || y === undefined) return x === y;
    if (x === '>' || y === '>') return true;
    if (x !== '*' && y !== '*' && x !== y) return false;
  }
}

/** The filters without those that another covers: NATS refuses a consumer whose filters overlap. */
export function withoutCovered(filters: readonly string[]): string[] {
  const unique = [...new Set(filters)];
  return unique.filter((filter) => !unique.some((other) => other !== filter && covers(other, filter)));
}

function relate(filter: string[], subject: string[], fits: (wanted: string, given: string) => boolean): boolean {
  for (const [i, wanted] of filter.entries()) {
    const given = subject[i];
    if (given === undefined) return false;
    if (wanted === '>') return true;
    if (!fits(wanted, given)) return false;
  }
  return filter.length === subject.length;
}
