/** What monitoring has found in production, and what became of it. */
import { useEffect } from 'preact/hooks';
import { onEvent } from '../api/live.ts';
import { useLoaded } from '../api/load.ts';
import { Empty, Show } from '../parts/states.tsx';
import { Status } from '../parts/status.tsx';
import { Ago } from '../parts/time.tsx';
import { ask, links, query } from '../shell/router.ts';
import { problemsIn, readProblems, shownTypes, type FoundProblem } from './open.ts';

export function Problems() {
  const project = query.value.get('project') ?? undefined;
  const openOnly = query.value.get('show') !== 'all';
  const loaded = useLoaded(`problems ${project ?? ''}`, (signal) => readProblems(project, signal));
  useEffect(
    () =>
      onEvent((event) => {
        const known = loaded.data.value;
        if (known && shownTypes.includes(event.type)) loaded.data.value = [...known, event];
      }),
    [loaded],
  );
  useEffect(() => void (document.title = 'Problems · Keptn'), []);
  return (
    <div class="page">
      <Show of={loaded}>
        {(events) => {
          const all = problemsIn(events).filter((one) => project === undefined || one.project === project);
          return <Content project={project} all={all} openOnly={openOnly} />;
        }}
      </Show>
    </div>
  );
}

function Content({ project, all, openOnly }: { project: string | undefined; all: FoundProblem[]; openOnly: boolean }) {
  const open = all.filter(({ isOpen }) => isOpen);
  const shown = openOnly ? open : all;
  return (
    <>
      <div class="title-row">
        <h1>
          Problems{project ? ` of ${project}` : ''} <span class="count">{open.length} open</span>
        </h1>
        <span class="grow" />
        <label class="check">
          <input
            type="checkbox"
            checked={!openOnly}
            onChange={(event) => ask({ show: event.currentTarget.checked ? 'all' : '' })}
          />
          closed ones as well
        </label>
      </div>
      {shown.length === 0 ? (
        <Empty title={all.length === 0 ? 'No problem has been told of.' : 'No problem is open.'}>
          <p>
            Prometheus and Dynatrace send theirs to the eventbroker: <code>docs/events.md</code> tells how. A stage with{' '}
            <code>remediation_strategy: automated</code> acts by the service's <code>remediation.yaml</code>.
          </p>
        </Empty>
      ) : (
        <ul class="problems">
          {shown.map((problem) => (
            <li key={problem.id}>
              <a href={links.sequence(problem.keptnContext)}>
                <Status tone={problem.isOpen ? 'bad' : 'ok'}>{problem.isOpen ? 'Open' : 'Closed'}</Status>
                <span class="where">
                  <b>{problem.title}</b>
                  {problem.remedy && <small>{problem.remedy}</small>}
                  {problem.details && <small>{problem.details}</small>}
                </span>
                <span class="place">
                  {[problem.project, problem.stage, problem.service].filter(Boolean).join(' / ')}
                </span>
                <span class="when">
                  <Ago time={problem.since} />
                </span>
              </a>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
