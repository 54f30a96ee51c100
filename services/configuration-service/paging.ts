/** Lists in pages, as 0.6.2 answers them: the key is an offset, "0" at the end. */
import type { Response } from 'express';
import type { Page } from './input.ts';

/** `name` is the field of the list. */
export async function answerPage(
  response: Response,
  name: 'projects' | 'stages' | 'services' | 'resources',
  all: readonly string[],
  { offset, size }: Page,
  show: (item: string) => Promise<object>,
): Promise<void> {
  const shown = all.slice(offset, offset + size);
  const isLast = offset + size >= all.length;
  response.json({
    nextPageKey: isLast ? '0' : String(offset + size),
    ...(shown.length < all.length && { pageSize: shown.length }),
    [name]: await Promise.all(shown.map(show)),
    totalCount: all.length,
  });
}
