/** How good a service was over time, and what of it: score, indicators, objectives; two evaluations side by side. */
import { useSignal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { eventTypes, textIn } from '../../../../lib/events/event.ts';
import { startEvaluation } from '../actions/start-evaluation.tsx';
import { ActionButton } from '../actions/action-button.tsx';
import { findEvents } from '../api/events.ts';
import { onEvent } from '../api/live.ts';
import { useLoaded } from '../api/load.ts';
import { Empty, Show } from '../parts/states.tsx';
import { Status, toneOfResult } from '../parts/status.tsx';
import { Ago, Clock } from '../parts/time.tsx';
import { PlacePicker, usePlace, type PlaceState } from '../shell/place.tsx';
import { ask, links, query } from '../shell/router.ts';
import type { ChartProps } from './chart.tsx';
import { EvaluationResult } from './details.tsx';
import { evaluationOf, shownValue, type Evaluation } from './evaluation.ts';

export function Evaluations() {
  const place = usePlace();
  const { project, stage, service } = place;
  useEffect(() => void (document.title = 'Evaluations · Keptn'), []);
  return (
    <div class="page">
      <div class="title-row">
        <h1>Evaluations</h1>
        <PlacePicker place={place} />
        <span class="grow" />
        {project && place.overview && (
          <ActionButton
            action={startEvaluation(
              { project, services: place.overview.services, stages: place.overview.stages },
              { ...(stage && { stage }), ...(service && { service }) },
            )}
          />
        )}
      </div>
      {project && stage && service ? (
        <OfPlace key={`${project} ${stage} ${service}`} {...{ project, stage, service }} place={place} />
      ) : (
        <Empty title="Choose a project, a stage and a service." />
      )}
    </div>
  );
}

interface OfPlaceProps {
  project: string;
  stage: string;
  service: string;
  place: PlaceState;
}

function OfPlace({ project, stage, service }: OfPlaceProps) {
  const type = eventTypes.evaluationDone;
  const loaded = useLoaded(`evaluations ${project} ${stage} ${service}`, async (signal) => {
    const { items } = await findEvents({ type, project, stage, service }, undefined, signal);
    return items.flatMap((event) => evaluationOf(event) ?? []);
  });
  useEffect(
    () =>
      onEvent((event) => {
        const isHere = [project, stage, service].every(
          (name, nth) => textIn(event.data, ['project', 'stage', 'service'][nth] ?? '') === name,
        );
        const found = event.type === type && isHere ? evaluationOf(event) : undefined;
        const known = loaded.data.value;
        if (found && known && !known.some(({ id }) => id === found.id)) loaded.data.value = [found, ...known];
      }),
    [loaded],
  );
  return <Show of={loaded}>{(evaluations) => <Content evaluations={evaluations} service={service} />}</Show>;
}

const FIRST_METRICS = 10;

/** `evaluations`: newest first. */
function Content({ evaluations, service }: { evaluations: Evaluation[]; service: string }) {
  const all = useSignal(false);
  if (evaluations.length === 0) {
    return (
      <Empty title="Nothing has been evaluated here yet.">
        <p>
          {service} is evaluated after each delivery, by its <code>slo.yaml</code>; or start an evaluation of the last
          minutes above.
        </p>
      </Empty>
    );
  }
  const chosen = evaluations.find(({ id }) => id === query.value.get('a')) ?? evaluations[0];
  const before = evaluations.find(({ id }) => id === query.value.get('b'));
  const metrics = [...new Set(evaluations.flatMap(({ indicators }) => indicators.map(({ metric }) => metric)))];
  const shown = all.value ? metrics : metrics.slice(0, FIRST_METRICS);
  return (
    <>
      {metrics.length > 0 && (
        <LazyChart
          evaluations={evaluations.toReversed()}
          metrics={shown}
          chosen={[chosen?.id, before?.id].filter((id) => id !== undefined)}
          choose={(id) => ask({ a: id })}
        />
      )}
      {metrics.length > shown.length && (
        <button type="button" class="plain" onClick={() => (all.value = true)}>
          Show all {metrics.length} indicators
        </button>
      )}
      <div class="two-columns">
        <EvaluationList evaluations={evaluations} chosen={chosen} before={before} />
        {chosen && (
          <section aria-label="The chosen evaluation">
            <h2>
              <Clock time={chosen.time} />
              {before && (
                <>
                  {' '}
                  beside <Clock time={before.time} />
                </>
              )}
            </h2>
            <EvaluationResult evaluation={chosen} before={before} />
            <p class="facts">
              <a href={links.sequence(chosen.keptnContext, chosen.id)}>The delivery that it is part of</a>
            </p>
          </section>
        )}
      </div>
    </>
  );
}

interface ListProps {
  evaluations: readonly Evaluation[];
  chosen: Evaluation | undefined;
  before: Evaluation | undefined;
}

function EvaluationList({ evaluations, chosen, before }: ListProps) {
  return (
    <section aria-labelledby="list">
      <h2 id="list">
        All <span class="count">{evaluations.length}</span>
      </h2>
      <ul class="evaluation-list" tabIndex={0}>
        {evaluations.map((one) => (
          <li key={one.id} aria-current={one.id === chosen?.id ? 'true' : undefined}>
            <button type="button" class="plain" onClick={() => ask({ a: one.id })}>
              <Status tone={toneOfResult(one.result)}>{one.result || 'none'}</Status>
              <span class="score">{one.score === undefined ? '–' : shownValue(one.score)}</span>
              <Ago time={one.time} />
            </button>
            {one.id !== chosen?.id && (
              <button
                type="button"
                class="plain compare"
                aria-pressed={one.id === before?.id}
                onClick={() => ask({ b: one.id === before?.id ? '' : one.id })}
              >
                compare
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The chart library is as large as the rest: it comes when it is needed. */
function LazyChart(props: ChartProps) {
  const chart = useSignal<ComponentType<ChartProps> | undefined>(undefined);
  useEffect(() => {
    void import('./chart.tsx').then((module) => (chart.value = module.default));
  }, []);
  const Loaded = chart.value;
  return Loaded ? <Loaded {...props} /> : <p class="loading">Loading the chart …</p>;
}
