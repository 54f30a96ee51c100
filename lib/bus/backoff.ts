/** How long to wait before the next try: twice as long each time, with jitter, so that many do not come at once. */

export interface Backoff {
  firstMs: number;
  maxMs: number;
}

export const defaultBackoff: Backoff = { firstMs: 250, maxMs: 30_000 };

/** Milliseconds after the try with this number (1 for the first): between half and all of the doubled time. */
export function backoffMs(attempt: number, { firstMs, maxMs }: Backoff = defaultBackoff): number {
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(full * (0.5 + Math.random() / 2));
}
