/** Work of minutes for a delivery that a person may abort meanwhile. */

/** True: what is done for this keptn context is not wanted any more. */
export type Aborted = (keptnContext: string) => Promise<boolean>;

export interface Asking {
  aborted: Aborted | undefined;
  keptnContext: string;
  everyMs: number;
  /** It was known a moment ago that it is wanted: the first question is for later. */
  isWanted?: boolean;
  /** Of the work as a whole. */
  signal: AbortSignal;
}

/** Does the work, with a signal that aborts when it is not wanted any more: the result is `aborted` then. */
export async function unlessAborted<T>(
  { aborted, keptnContext, everyMs, isWanted, signal }: Asking,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T | 'aborted'> {
  const unwanted = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const ask = async (): Promise<void> => {
    // Who cannot be asked now is asked again.
    if (await aborted?.(keptnContext).catch(() => false)) unwanted.abort(new Error('aborted'));
    else later();
  };
  const later = (): void => {
    if (aborted && !done) timer = setTimeout(() => void ask(), everyMs);
  };
  let done = false;
  try {
    if (isWanted) later();
    else await ask();
    if (unwanted.signal.aborted) return 'aborted';
    const result = await work(AbortSignal.any([signal, unwanted.signal]));
    return unwanted.signal.aborted ? 'aborted' : result;
  } catch (error) {
    if (unwanted.signal.aborted) return 'aborted';
    // It says more than the error of what was interrupted.
    signal.throwIfAborted();
    throw error;
  } finally {
    done = true;
    clearTimeout(timer);
  }
}
