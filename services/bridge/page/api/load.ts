/** What a page shows, read when it opens and again when it may have changed: still the old, or an error that says why. */
import { signal, useSignal, useSignalEffect, type Signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { errorOf } from './client.ts';
import { gaps } from './live.ts';

export interface Loaded<T> {
  /** Undefined until the first answer. */
  data: Signal<T | undefined>;
  /** Undefined while all is well. */
  error: Signal<Error | undefined>;
  reload: () => Promise<void>;
}

/** `key`: what it depends on; when it changes the old is forgotten. A gap in the live stream reads again. */
export function useLoaded<T>(key: string, read: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const loaded = useMemo(() => {
    const data = signal<T | undefined>(undefined);
    const error = signal<Error | undefined>(undefined);
    let running = new AbortController();
    const reload = async (): Promise<void> => {
      running.abort();
      const own = (running = new AbortController());
      try {
        const next = await read(own.signal);
        if (own.signal.aborted) return;
        data.value = next;
        error.value = undefined;
      } catch (problem) {
        if (!own.signal.aborted) error.value = errorOf(problem);
      }
    };
    return { data, error, reload, stop: () => running.abort() };
  }, [key]);
  useEffect(() => {
    void loaded.reload();
    return loaded.stop;
  }, [loaded]);
  useOnGap(() => void loaded.reload());
  return loaded;
}

/** Calls when something may have been missed. */
function useOnGap(call: () => void): void {
  const seen = useSignal(gaps.peek());
  useSignalEffect(() => {
    if (gaps.value === seen.peek()) return;
    seen.value = gaps.value;
    call();
  });
}

/** When the datastore and the operator have surely recorded what the stream has told. */
const RECORDED_MS = 1_500;

/** Reads again soon after the last of several events, and once more when they are recorded; so it does when a page opens. */
export function useSoon(reload: () => Promise<void>): () => void {
  useEffect(() => {
    // What happened just before was in the stream already, and maybe not yet in the first answer.
    const timer = setTimeout(() => void reload(), RECORDED_MS);
    return () => clearTimeout(timer);
  }, [reload]);
  return useMemo(() => {
    let [soon, later] = [0, 0];
    return () => {
      clearTimeout(soon);
      clearTimeout(later);
      soon = window.setTimeout(() => void reload(), 120);
      later = window.setTimeout(() => void reload(), RECORDED_MS);
    };
  }, [reload]);
}
