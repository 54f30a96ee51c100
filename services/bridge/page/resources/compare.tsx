/** How the configuration of two stages, or of two versions, differs: file by file, line by line. */
import { useSignal } from '@preact/signals';
import { structuredPatch } from 'diff';
import { useEffect } from 'preact/hooks';
import { useLoaded } from '../api/load.ts';
import { Icon } from '../parts/icon.tsx';
import { Empty, Show } from '../parts/states.tsx';
import { StepHead } from '../parts/step-head.tsx';
import { readOverview } from '../project/state.ts';
import { ask, links, query } from '../shell/router.ts';
import { compareFiles, readFile, type FileChange } from './content.ts';

const isCommit = (text: string): boolean => /^[0-9a-f]{40}$/.test(text);

export function Compare() {
  const given = (name: string): string => query.value.get(name) ?? '';
  const [project, service, path] = [given('project'), given('service'), given('path')];
  useEffect(() => void (document.title = 'Compare · Keptn'), []);
  const overview = useLoaded(`overview ${project}`, (signal) => readOverview(project, signal));
  const stages = overview.data.value?.stages.map(({ name }) => name) ?? [];
  const [from, to] = [given('from') || (stages[0] ?? ''), given('to') || (stages.at(-1) ?? '')];
  return (
    <div class="page">
      <p class="crumbs">
        <a href={links.project(project)}>{project}</a> /
        {service && (
          <>
            {' '}
            <a href={links.service(project, service)}>{service}</a> /
          </>
        )}
      </p>
      <div class="title-row">
        <h1>Compare</h1>
        <Side label="Before" name="from" value={from} stages={stages} />
        <Icon name="next" />
        <Side label="After" name="to" value={to} stages={stages} />
        {service && <span class="label">only {service}</span>}
        {path && <span class="label mono">{path}</span>}
      </div>
      {from && to && from !== to && (
        <Changes key={`${from} ${to} ${service}`} {...{ project, service, from, to, path }} />
      )}
      {from !== '' && from === to && <Empty title="Choose two that are not the same." />}
    </div>
  );
}

function Side({
  label,
  name,
  value,
  stages,
}: {
  label: string;
  name: string;
  value: string;
  stages: readonly string[];
}) {
  const options = [...new Set([value, ...stages, 'master'])].filter((one) => one !== '');
  return (
    <label>
      <span class="only-read">{label}</span>
      <select value={value} onChange={(event) => ask({ [name]: event.currentTarget.value })}>
        {options.map((one) => (
          <option key={one} value={one}>
            {isCommit(one) ? `version ${one.slice(0, 8)}` : one}
          </option>
        ))}
      </select>
    </label>
  );
}

interface ChangesProps {
  project: string;
  service: string;
  from: string;
  to: string;
  path: string;
}

function Changes({ project, service, from, to, path }: ChangesProps) {
  const loaded = useLoaded(`compare ${project} ${from} ${to} ${service}`, (signal) =>
    compareFiles({ project, service }, from, to, signal),
  );
  return (
    <Show of={loaded}>
      {(changes) => {
        const shown = path ? changes.filter(({ resourceURI }) => resourceURI.endsWith(path)) : changes;
        if (shown.length === 0) return <Empty title="There is no difference." />;
        return (
          <ul class="changes">
            {shown.map((change) => (
              <Change key={change.resourceURI} {...{ project, from, to, change }} isOpened={shown.length <= 5} />
            ))}
          </ul>
        );
      }}
    </Show>
  );
}

const words = { added: 'new', removed: 'gone', modified: 'changed' } as const;

interface ChangeProps {
  project: string;
  from: string;
  to: string;
  change: FileChange;
  isOpened: boolean;
}

function Change({ project, from, to, change: { resourceURI, change }, isOpened }: ChangeProps) {
  const isOpen = useSignal(isOpened);
  return (
    <li>
      <StepHead isOpen={isOpen}>
        <span class="mono">{resourceURI.replace(/^\//, '')}</span>
        <span class={`label change-${change}`}>{words[change]}</span>
      </StepHead>
      {isOpen.value && <Difference {...{ project, from, to, change }} path={resourceURI.replace(/^\//, '')} />}
    </li>
  );
}

interface DifferenceProps {
  project: string;
  from: string;
  to: string;
  change: FileChange['change'];
  path: string;
}

function Difference({ project, from, to, change, path }: DifferenceProps) {
  const loaded = useLoaded(`difference ${from} ${to} ${path}`, async (signal) => {
    const read = async (at: string, isThere: boolean): Promise<string | undefined> => {
      if (!isThere) return '';
      const stage = isCommit(at) || at === 'master' ? undefined : at;
      return readFile({ project, stage }, path, isCommit(at) ? at : undefined, signal);
    };
    const [before, after] = await Promise.all([read(from, change !== 'added'), read(to, change !== 'removed')]);
    return { hunks: before === undefined || after === undefined ? undefined : hunksOf(before, after) };
  });
  return (
    <Show of={loaded}>
      {({ hunks }) =>
        hunks === undefined ? (
          <p class="hint">This file is no text.</p>
        ) : (
          <pre class="difference" tabIndex={0} role="region" aria-label={`Difference of ${path}`}>
            {hunks.map((line, nth) => (
              <span key={nth} class={classOf(line)}>
                {line}
                {'\n'}
              </span>
            ))}
          </pre>
        )
      }
    </Show>
  );
}

const CONTEXT_LINES = 3;

function hunksOf(before: string, after: string): string[] {
  const { hunks } = structuredPatch('', '', before, after, '', '', { context: CONTEXT_LINES });
  return hunks.flatMap(({ oldStart, newStart, lines }) => [`@@ line ${oldStart}, now ${newStart}`, ...lines]);
}

function classOf(line: string): string {
  if (line.startsWith('@@')) return 'line-place';
  if (line.startsWith('+')) return 'line-new';
  return line.startsWith('-') ? 'line-gone' : '';
}
