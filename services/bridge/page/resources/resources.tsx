/** The configuration as it is in Git: files, their content, who changed them and what for. */
import { useEffect } from 'preact/hooks';
import { useLoaded } from '../api/load.ts';
import { Code } from '../parts/code.tsx';
import { Icon } from '../parts/icon.tsx';
import { webAddress } from '../parts/names.ts';
import { Empty, Show } from '../parts/states.tsx';
import { Ago } from '../parts/time.tsx';
import { PlacePicker, usePlace, type PlaceState } from '../shell/place.tsx';
import { ask, links, linkTo, query } from '../shell/router.ts';
import { historyOf, listFiles, readFile, type FilePlace, type FileVersion } from './content.ts';

export function Resources() {
  const place = usePlace({ first: false });
  useEffect(() => void (document.title = 'Resources · Keptn'), []);
  const project = place.project ?? place.projects[0];
  useEffect(() => {
    if (!place.project && project) ask({ project });
  }, [project]);
  const version = query.value.get('version') ?? undefined;
  return (
    <div class="page">
      <div class="title-row">
        <h1>Resources</h1>
        <PlacePicker place={place} optional />
        {version && (
          <span class="label mono">
            at {version.slice(0, 8)}{' '}
            <button type="button" class="plain" onClick={() => ask({ version: '' })}>
              show the newest
            </button>
          </span>
        )}
      </div>
      {project ? (
        <Browser
          key={`${project} ${place.stage ?? ''} ${place.service ?? ''} ${version ?? ''}`}
          place={{ project, stage: place.stage, service: place.stage ? place.service : undefined }}
          known={place}
          version={version}
        />
      ) : (
        <Empty title="There is no project yet." />
      )}
    </div>
  );
}

interface BrowserProps {
  place: FilePlace;
  known: PlaceState;
  version: string | undefined;
}

function Browser({ place, known, version }: BrowserProps) {
  const { project, stage, service } = place;
  const loaded = useLoaded(`files ${project} ${stage} ${service} ${version}`, (signal) =>
    listFiles(place, version, signal),
  );
  const path = query.value.get('path') ?? undefined;
  const where = [stage ?? 'master, the files of the project', service].filter(Boolean).join(' / ');
  return (
    <Show of={loaded}>
      {(names) => (
        <div class="two-columns files">
          <section aria-label={`Files of ${where}`}>
            <h2>
              {where} <span class="count">{names.length}</span>
            </h2>
            {!stage && known.service && <p class="hint">Choose a stage to see the files of {known.service}.</p>}
            {names.length === 0 && <Empty title="There are no files here." />}
            <ul class="file-list">
              {names.map((name) => (
                <li key={name}>
                  <a
                    href={linkTo('/resources', { project, stage, service, version, path: name })}
                    aria-current={name === path ? 'true' : undefined}
                  >
                    <Icon name="file" />
                    {name}
                  </a>
                </li>
              ))}
            </ul>
          </section>
          {path ? (
            <FileView
              key={`${path} ${version}`}
              place={place}
              path={path}
              version={version}
              upstream={known.overview?.upstream}
            />
          ) : (
            <Empty title="Choose a file to see its content and its history." />
          )}
        </div>
      )}
    </Show>
  );
}

interface FileProps {
  place: FilePlace;
  path: string;
  version: string | undefined;
  upstream: string | undefined;
}

function FileView({ place, path, version, upstream }: FileProps) {
  const content = useLoaded(`file ${path} ${version}`, async (signal) => ({
    text: await readFile(place, path, version, signal),
  }));
  const history = useLoaded(`history ${path}`, (signal) => historyOf(place, path, signal));
  return (
    <section aria-label={path} class="file">
      <h2 class="mono">{path}</h2>
      <Show of={content}>
        {({ text }) =>
          text === undefined ? (
            <p class="hint">This file is no text.</p>
          ) : (
            <Code text={text} label={`the content of ${path}`} />
          )
        }
      </Show>
      <h3>History</h3>
      <Show of={history}>
        {(commits) => (
          <ol class="versions">
            {commits.map((commit, nth) => (
              <Version
                key={commit.version}
                {...{ place, path, commit, upstream }}
                before={commits[nth + 1]}
                isShown={version === commit.version}
              />
            ))}
          </ol>
        )}
      </Show>
    </section>
  );
}

interface VersionProps {
  place: FilePlace;
  path: string;
  commit: FileVersion;
  before: FileVersion | undefined;
  upstream: string | undefined;
  isShown: boolean;
}

function Version({ place: { project, stage, service }, path, commit, before, upstream, isShown }: VersionProps) {
  const { version, message, author, time, keptnContext } = commit;
  const elsewhere = webAddress(upstream && `${upstream.replace(/(\.git)?\/?$/, '')}/commit/${version}`);
  return (
    <li aria-current={isShown ? 'true' : undefined}>
      <a href={linkTo('/resources', { project, stage, service, path, version })}>{message}</a>
      <span class="facts">
        <span>{author.name}</span>
        <Ago time={time} />
        {elsewhere ? (
          <a class="mono" href={elsewhere} target="_blank" rel="noreferrer noopener">
            {version.slice(0, 8)}
          </a>
        ) : (
          <span class="mono" title={`git -C ${project}.git show ${version}`}>
            {version.slice(0, 8)}
          </span>
        )}
        {keptnContext && <a href={links.sequence(keptnContext)}>sequence</a>}
        {before && (
          <a href={linkTo('/compare', { project, service, from: before.version, to: version, path })}>what changed</a>
        )}
      </span>
    </li>
  );
}
