/** What stands where there is nothing yet: an empty page says what to do, an error says why. */
import type { ComponentChildren } from 'preact';
import type { Loaded } from '../api/load.ts';
import { Icon } from './icon.tsx';

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

export function Problem({ error, retry }: { error: Error; retry?: () => void }) {
  return (
    <div class="problem" role="alert">
      <Icon name="alert" />
      <p>{error.message}</p>
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** The content once it is there; with it, or instead of it, why it is not or is old. */
export function Show<T>({ of, children }: { of: Loaded<T>; children: (data: T) => ComponentChildren }) {
  const [data, error] = [of.data.value, of.error.value];
  return (
    <>
      {error && <Problem error={error} retry={() => void of.reload()} />}
      {data === undefined ? !error && <p class="loading">Loading …</p> : children(data)}
    </>
  );
}
