/** The first screen: what has stopped or waits, and why; then every project, with how each of its stages stands. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { z } from 'zod';
import { summarySchema, type Attention, type Summary } from '../../../../lib/delivery/overview.ts';
import { deliveryTypes } from '../../../../lib/delivery/stage.ts';
import { eventTypes } from '../../../../lib/events/event.ts';
import { get } from '../api/client.ts';
import { onEvent } from '../api/live.ts';
import { useLoaded, useSoon } from '../api/load.ts';
import { shortImage } from '../parts/names.ts';
import { FilterField } from '../parts/filter-field.tsx';
import { Empty, Show } from '../parts/states.tsx';
import { Mark, Status, toneOfPhase, type Tone } from '../parts/status.tsx';
import { Ago } from '../parts/time.tsx';
import { links } from '../shell/router.ts';

const schema = z.object({ projects: z.array(summarySchema) });
const SHOWN = 6;
const concerned = new Set<string>([
  ...deliveryTypes,
  eventTypes.deliveryAbort,
  eventTypes.done,
  eventTypes.serviceCreate,
]);

export function Projects() {
  const loaded = useLoaded('overview', (signal) => get('/v1/overview', schema, signal));
  const again = useSoon(loaded.reload);
  useEffect(() => onEvent(({ type }) => void (concerned.has(type) && again())), [again]);
  useEffect(() => void (document.title = 'Projects · Keptn'), []);
  return (
    <div class="page">
      <Show of={loaded}>{({ projects }) => <Content projects={projects} />}</Show>
    </div>
  );
}

function Content({ projects }: { projects: Summary[] }) {
  const filter = useSignal('');
  if (projects.length === 0) return <NoProjects />;
  const shown = projects.filter(({ project }) => project.includes(filter.value.trim().toLowerCase()));
  return (
    <>
      <NeedsSomebody projects={projects} />
      <div class="title-row">
        <h1>
          Projects <span class="count">{projects.length}</span>
        </h1>
        {projects.length > SHOWN && (
          <FilterField label="Filter projects by name" placeholder="Filter by name" value={filter} />
        )}
      </div>
      <ul class="tiles">
        {shown.map((summary) => (
          <Tile key={summary.project} summary={summary} />
        ))}
      </ul>
    </>
  );
}

function NoProjects() {
  return (
    <Empty title="There are no projects yet.">
      <p>Declare one, with its stages, and it is here:</p>
      <pre>kubectl apply -k examples/sockshop</pre>
      <p>
        or <code>keptn create project shop --shipyard=shipyard.yaml</code>
      </p>
    </Empty>
  );
}

/** What stopped or waits in any project, with the sentence why; one click leads to the delivery. */
function NeedsSomebody({ projects }: { projects: Summary[] }) {
  const all = projects
    .flatMap(({ project, attention }) => attention.map((one) => ({ ...one, project })))
    .sort((a, b) => Date.parse(b.since) - Date.parse(a.since));
  const isOpen = useSignal(false);
  if (all.length === 0) {
    return (
      <p class="all-well">
        <Mark tone="ok" /> Nothing has stopped, and nothing waits for you.
      </p>
    );
  }
  return (
    <section aria-labelledby="attention">
      <h2 id="attention">
        Needs you <span class="count">{all.length}</span>
      </h2>
      <ul class="attention">
        {all.slice(0, isOpen.value ? all.length : SHOWN).map((one) => (
          <AttentionRow key={`${one.project} ${one.service} ${one.stage}`} one={one} />
        ))}
      </ul>
      {all.length > SHOWN && !isOpen.value && (
        <button type="button" class="plain" onClick={() => (isOpen.value = true)}>
          Show all {all.length}
        </button>
      )}
    </section>
  );
}

function AttentionRow({ one }: { one: Attention & { project: string } }) {
  const phase = one.paused ? 'Paused' : one.phase;
  return (
    <li>
      <a href={links.sequence(one.keptnContext, one.stage)}>
        <Status tone={toneOfPhase(phase)}>{phase === 'Approving' ? 'Waits for approval' : phase}</Status>
        <span class="where">
          <b>{one.service}</b> in {one.project} / {one.stage}
        </span>
        <span class="why" title={one.message}>
          {one.message}
        </span>
        <span class="when">
          <Ago time={one.since} />
        </span>
      </a>
    </li>
  );
}

function Tile({ summary }: { summary: Summary }) {
  const { project, stages, services, newest, ready, message } = summary;
  return (
    <li class="tile">
      <h2>
        <a href={links.project(project)}>{project}</a>
        <Health summary={summary} />
      </h2>
      <StageTrack stages={stages} />
      {!ready && <p class="tile-note">{message}</p>}
      {newest ? (
        <p class="tile-newest">
          <a href={links.sequence(newest.keptnContext)}>
            {newest.service} {newest.image ? shortImage(newest.image).replace(`${newest.service}:`, '') : ''}
          </a>{' '}
          {newest.phase === 'Ready' ? 'is in' : `is ${newest.phase} in`} {newest.stage}, <Ago time={newest.since} />
        </p>
      ) : (
        <p class="tile-newest">{services === 0 ? 'No service yet' : 'Nothing delivered yet'}</p>
      )}
      <p class="tile-facts">
        {plural(stages.length, 'stage')}, {plural(services, 'service')}
      </p>
    </li>
  );
}

function Health({ summary: { stages, ready } }: { summary: Summary }) {
  const sum = (name: 'stopped' | 'waiting' | 'running'): number =>
    stages.reduce((total, stage) => total + stage[name], 0);
  const [stopped, waiting, running] = [sum('stopped'), sum('waiting'), sum('running')];
  if (stopped > 0) return <Status tone="bad">{`${stopped} stopped`}</Status>;
  if (waiting > 0) return <Status tone="wait">{`${waiting} waiting`}</Status>;
  if (!ready) return <Status tone="warn">Not ready</Status>;
  if (running > 0) return <Status tone="run">{`${running} on the way`}</Status>;
  return <Status tone="ok">Well</Status>;
}

const TRACK = 12;

/** The stages in order; of many the first ones, and those that need somebody. */
function StageTrack({ stages }: { stages: Summary['stages'] }) {
  const urgent = stages.filter((stage) => toneOfStage(stage) === 'bad' || toneOfStage(stage) === 'wait');
  const chosen = stages.length <= TRACK ? stages : [...new Set([...urgent, ...stages])].slice(0, TRACK);
  const shown = stages.filter((stage) => chosen.includes(stage));
  return (
    <ol class="track">
      {shown.map((stage) => (
        <li key={stage.name} class={`tone-${toneOfStage(stage)}`} title={sentenceOf(stage)}>
          <Mark tone={toneOfStage(stage)} />
          <span>{stage.name}</span>
          <span class="only-read">: {sentenceOf(stage)}</span>
        </li>
      ))}
      {stages.length > TRACK && <li class="more">and {stages.length - TRACK} more</li>}
    </ol>
  );
}

function toneOfStage({ stopped, waiting, running, ready }: Summary['stages'][number]): Tone {
  if (stopped > 0) return 'bad';
  if (waiting > 0) return 'wait';
  if (running > 0) return 'run';
  return ready > 0 ? 'ok' : 'off';
}

function sentenceOf({ name, stopped, waiting, running, ready }: Summary['stages'][number]): string {
  const parts = [
    [stopped, 'stopped'],
    [waiting, 'waiting'],
    [running, 'on the way'],
    [ready, 'ready'],
  ] as const;
  const said = parts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  return `${name}: ${said.join(', ') || 'empty'}`;
}

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;
