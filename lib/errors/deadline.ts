/** A deadline for work that can be aborted. */

/**
 * Runs `work` with a signal that aborts after `ms`. Unlike AbortSignal.timeout, whose timer keeps everything that the
 * request held until the time is over, this one lets go as soon as the work ends.
 */
export async function withDeadline<T>(ms: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const timer = setTimeout(
    () => controller.abort(new DOMException(`no answer within ${ms / 1000} s`, 'TimeoutError')),
    ms,
  );
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
  }
}
