/** Gathers the pages of a list. */

interface Page<T> {
  items: readonly T[];
  /** Undefined at the end. */
  next: string | undefined;
}

/** `ask` gets the key of the page, and how many are still wanted; `limit` items at most. */
export async function allOf<T>(
  ask: (key: string | undefined, wanted: number) => Promise<Page<T>>,
  limit = Infinity,
): Promise<T[]> {
  const items: T[] = [];
  let key: string | undefined;
  do {
    const page = await ask(key, limit - items.length);
    items.push(...page.items);
    key = page.next;
  } while (key !== undefined && items.length < limit);
  return items;
}
