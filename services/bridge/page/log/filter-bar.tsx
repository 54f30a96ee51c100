/** The filters of the log; each is in the address, so that what is seen can be shared and survives a reload. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { eventNames } from '../parts/names.ts';
import { PlacePicker, usePlace } from '../shell/place.tsx';
import { ask } from '../shell/router.ts';
import type { Filters } from './entries.ts';

export function FilterBar({ filters }: { filters: Filters }) {
  const place = usePlace({ first: false });
  const isNarrowed = Object.values(filters).some((value) => value !== '');
  return (
    <div class="filters" role="search">
      <Typed label="Text" name="text" value={filters.text} placeholder="Text anywhere" />
      <PlacePicker place={place} optional />
      <label>
        <span class="only-read">Kind</span>
        <select value={filters.show} onChange={(event) => ask({ show: event.currentTarget.value })}>
          <option value="">events and lines</option>
          <option value="events">events</option>
          <option value="lines">log lines</option>
        </select>
      </label>
      <label>
        <span class="only-read">Type</span>
        <select value={filters.type} onChange={(event) => ask({ type: event.currentTarget.value })}>
          <option value="">any type</option>
          {filters.type && !eventNames.some(([type]) => type === filters.type) && (
            <option value={filters.type}>{filters.type}</option>
          )}
          {eventNames.map(([type, title]) => (
            <option key={type} value={type}>{`${title} (${type.replace('sh.keptn.', '')})`}</option>
          ))}
        </select>
      </label>
      <Typed label="Keptn context" name="context" value={filters.context} placeholder="Keptn context" />
      <Moment label="From" name="from" value={filters.from} />
      <Moment label="Until" name="to" value={filters.to} />
      {isNarrowed && (
        <button
          type="button"
          class="plain"
          onClick={() => ask(Object.fromEntries(Object.keys(filters).map((name) => [name, ''])))}
        >
          All
        </button>
      )}
    </div>
  );
}

const TYPING_MS = 250;

/** Takes effect when one has stopped to type. */
function Typed({
  label,
  name,
  value,
  placeholder,
}: {
  label: string;
  name: string;
  value: string;
  placeholder: string;
}) {
  const typed = useSignal(value);
  useEffect(() => {
    typed.value = value;
  }, [value]);
  const timer = useSignal(0);
  return (
    <input
      type="search"
      aria-label={label}
      placeholder={placeholder}
      value={typed.value}
      onInput={(event) => {
        typed.value = event.currentTarget.value;
        clearTimeout(timer.value);
        timer.value = window.setTimeout(() => ask({ [name]: typed.value.trim() }), TYPING_MS);
      }}
    />
  );
}

/** A time in the zone of who looks; the address has it in UTC. */
function Moment({ label, name, value }: { label: string; name: string; value: string }) {
  const at = new Date(value);
  const local = Number.isNaN(at.getTime())
    ? ''
    : new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  return (
    <label class="moment">
      {label}
      <input
        type="datetime-local"
        value={local}
        onChange={({ currentTarget: { value: chosen } }) =>
          ask({ [name]: chosen ? new Date(chosen).toISOString() : '' })
        }
      />
    </label>
  );
}
