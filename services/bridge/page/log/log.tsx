/** Everything that happened and was said, the newest first and live, narrowed by filters that are in the address. */
import { useSignal, type Signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { onEvent } from '../api/live.ts';
import { Code, shownJson } from '../parts/code.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { shortImage } from '../parts/names.ts';
import { Empty, Problem } from '../parts/states.tsx';
import { Mark } from '../parts/status.tsx';
import { Clock, clockTime } from '../parts/time.tsx';
import { VirtualList } from '../parts/virtual.tsx';
import { links, query } from '../shell/router.ts';
import { LogReader, MAX_ENTRIES, type Entry, type Filters } from './entries.ts';
import { FilterBar } from './filter-bar.tsx';

const ROW = 34;

function filtersIn(search: URLSearchParams): Filters {
  const given = (name: string): string => search.get(name) ?? '';
  const [project, stage, service, type] = [given('project'), given('stage'), given('service'), given('type')];
  const [context, text, from, to, show] = [given('context'), given('text'), given('from'), given('to'), given('show')];
  return { project, stage, service, type, context, text, from, to, show };
}

export function Log() {
  const filters = filtersIn(query.value);
  const key = JSON.stringify(filters);
  const isLive = useSignal(true);
  const reader = useMemo(() => new LogReader(filters), [key]);
  const chosen = useSignal<Entry | undefined>(undefined);
  useEffect(() => void (document.title = 'Log · Keptn'), []);
  useEffect(() => {
    void reader.more();
    const leave = onEvent((event) => isLive.value && reader.tell(event));
    return () => {
      leave();
      reader.stop();
    };
  }, [reader]);
  return (
    <div class="page fill">
      <div class="title-row">
        <h1>Log</h1>
        <span class="grow" />
        <label class="check">
          <input
            type="checkbox"
            checked={isLive.value}
            onChange={(event) => (isLive.value = event.currentTarget.checked)}
          />
          follow
        </label>
      </div>
      <FilterBar filters={filters} />
      {reader.error.value && <Problem error={reader.error.value} retry={() => void reader.more()} />}
      <Entries reader={reader} chosen={chosen} />
      {chosen.value && <EntryDialog entry={chosen.value} close={() => (chosen.value = undefined)} />}
    </div>
  );
}

function Entries({ reader, chosen }: { reader: LogReader; chosen: Signal<Entry | undefined> }) {
  const [entries, state] = [reader.entries.value, reader.state.value];
  if (entries.length === 0 && state === 'end') {
    return (
      <Empty title="Nothing fits.">
        <p>Take a filter away, or wait: what comes and fits is shown here at once.</p>
      </Empty>
    );
  }
  return (
    <>
      <VirtualList
        class="log"
        label="Events and log lines, newest first"
        items={entries}
        rowHeight={ROW}
        keyOf={({ id }) => id}
        row={(entry) => <Row entry={entry} open={() => (chosen.value = entry)} />}
        onEnd={() => void reader.more()}
      />
      <p class="log-foot" role="status">
        {entries.length} shown
        {state === 'end' && ': that is all'}
        {state === 'full' && `: the newest ${MAX_ENTRIES}; narrow it down by time to see older ones`}
        {state === 'reading' && ' · reading …'}
        {state === 'more' && reader.lookedTo.value !== '' && (
          <>
            {` · back to ${clockTime(reader.lookedTo.value)} `}
            <button type="button" class="plain" onClick={() => void reader.more()}>
              look further back
            </button>
          </>
        )}
      </p>
    </>
  );
}

function Row({ entry, open }: { entry: Entry; open: () => void }) {
  const { time, tone, title, text, place, source } = entry;
  return (
    <button type="button" class={`log-row${title === 'Log' ? ' log-line' : ''}`} onClick={open}>
      <Clock time={time} />
      <Mark tone={tone} />
      <span class="log-title">{title === 'Log' ? shortImage(source) : title}</span>
      <span class="log-text">{text}</span>
      <span class="log-place">{place}</span>
    </button>
  );
}

function EntryDialog({ entry, close }: { entry: Entry; close: () => void }) {
  return (
    <Dialog title={entry.title === 'Log' ? `${entry.source} says` : entry.title} onClose={close}>
      <p class="facts">
        <Clock time={entry.time} />
        <span>{entry.source}</span>
        {entry.place && <span>{entry.place}</span>}
        {entry.keptnContext && (
          <a href={links.sequence(entry.keptnContext)} class="mono">
            {entry.keptnContext}
          </a>
        )}
      </p>
      {entry.text && <p>{entry.text}</p>}
      <Code text={shownJson(entry.payload)} label="the payload" />
      <div class="dialog-buttons">
        <button type="button" onClick={close}>
          Close
        </button>
      </div>
    </Dialog>
  );
}
