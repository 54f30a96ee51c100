/** One keptn context from its first event to its last: why it stopped on top, then its way through the stages, then each step. */
import { useEffect, useMemo } from 'preact/hooks';
import { isOver } from '../../../../lib/delivery/stage.ts';
import type { KeptnEvent } from '../../../../lib/events/event.ts';
import { ActionButton } from '../actions/action-button.tsx';
import { approve, decline } from '../actions/approval.tsx';
import { control } from '../actions/control.ts';
import { onEvent } from '../api/live.ts';
import { useLoaded, useSoon } from '../api/load.ts';
import { shortImage } from '../parts/names.ts';
import { Empty, Show } from '../parts/states.tsx';
import { Status, toneOfPhase } from '../parts/status.tsx';
import { Ago } from '../parts/time.tsx';
import { links, linkTo } from '../shell/router.ts';
import { readSequence, sequenceWith, viewOf, type SequenceData, type SequenceView } from './state.ts';
import { Steps } from './steps.tsx';
import { Timeline } from './timeline.tsx';

/** Events of the stream that are kept for the answer of the history. */
const HEARD = 200;

export function Sequence({ keptnContext, selector }: { keptnContext: string; selector?: string | undefined }) {
  // The history learns of an event a moment after the stream: what came while it was asked is put to its answer.
  const heard = useMemo((): KeptnEvent[] => [], [keptnContext]);
  const loaded = useLoaded(`sequence ${keptnContext}`, async (signal) =>
    heard.reduce(sequenceWith, await readSequence(keptnContext, signal)),
  );
  const again = useSoon(loaded.reload);
  useEffect(
    () =>
      onEvent((event) => {
        if (event.shkeptncontext !== keptnContext) return;
        heard.push(event);
        if (heard.length > HEARD) heard.shift();
        const known = loaded.data.value;
        if (known) loaded.data.value = sequenceWith(known, event);
        // Which project it is about is known by its first event.
        if (!known?.overview) again();
      }),
    [loaded, again, heard, keptnContext],
  );
  useEffect(() => void (document.title = `Sequence ${keptnContext.slice(0, 8)} · Keptn`), [keptnContext]);
  return (
    <div class="page">
      <Show of={loaded}>{(data) => <Content keptnContext={keptnContext} data={data} selector={selector} />}</Show>
    </div>
  );
}

interface ContentProps {
  keptnContext: string;
  data: SequenceData;
  selector: string | undefined;
}

function Content({ keptnContext, data, selector }: ContentProps) {
  if (data.events.length === 0 && data.logs.length === 0) {
    return (
      <Empty title="Nothing is known of this keptn context.">
        <p>
          It may be older than what the datastore keeps, or just begin: what comes is shown here at once. The{' '}
          <a href={linkTo('/log')}>log</a> has everything.
        </p>
      </Empty>
    );
  }
  const view = viewOf(data);
  const { project, service, image, by, stopped } = view;
  const first = data.events[0] ?? { time: data.logs[0]?.timestamp ?? '' };
  return (
    <>
      <div class="title-row">
        <h1>
          {image ? shortImage(image) : (service ?? project ?? 'Sequence')}
          {stopped && <span class="only-read">: stopped</span>}
        </h1>
        {view.furthest && <State view={view} />}
        <span class="grow" />
        <Actions keptnContext={keptnContext} data={data} view={view} />
      </div>
      <p class="facts">
        {project && <a href={links.project(project)}>{project}</a>}
        {project && service && (
          <>
            {' / '}
            <a href={links.service(project, service)}>{service}</a>
          </>
        )}
        {by !== '' && <span>begun by {by}</span>}
        <span>
          <Ago time={first.time} />
        </span>
        <a class="mono" href={linkTo('/log', { context: keptnContext })} title="All that was said in this context">
          {keptnContext}
        </a>
      </p>
      {stopped && <Stopped view={view} />}
      {data.isCut && <p class="notice">It has more events than are shown here: the newest of them are.</p>}
      <Timeline data={data} view={view} />
      <Steps data={data} selector={selector} />
    </>
  );
}

function State({ view: { furthest, delivery } }: { view: SequenceView }) {
  if (!furthest) return null;
  const phase = delivery.paused && !isOver(furthest) ? 'Paused' : furthest.phase;
  return <Status tone={toneOfPhase(phase)}>{`${phase} in ${furthest.name}`}</Status>;
}

function Stopped({ view: { stopped } }: { view: SequenceView }) {
  if (!stopped) return null;
  const tone = toneOfPhase(stopped.phase);
  return (
    <section class={`stopped stopped-${tone}`} aria-label="Why it stopped">
      <p class="stopped-title">
        {stopped.phase} in {stopped.name}
      </p>
      <p>{stopped.message}</p>
      <p class="facts">
        <a href="#failed-step">To the step</a>
      </p>
    </section>
  );
}

function Actions({
  keptnContext,
  data: { overview },
  view,
}: {
  keptnContext: string;
  data: SequenceData;
  view: SequenceView;
}) {
  const { project, service, furthest, delivery, stopped } = view;
  if (!project || !service || !furthest || stopped) return null;
  const object = overview?.services.find(({ name }) => name === service)?.object;
  const isDone = isOver(furthest) && furthest.name === overview?.stages.at(-1)?.name;
  if (isDone) return null;
  const where = { project, service, keptnContext, object };
  const asked = { ...where, stage: furthest.name, image: furthest.image, triggeredId: furthest.triggeredId };
  return (
    <>
      {furthest.phase === 'Approving' && object && (
        <>
          <ActionButton action={approve({ ...asked, object })} primary />
          <ActionButton action={decline({ ...asked, object })} />
        </>
      )}
      <ActionButton action={control(delivery.paused ? 'resume' : 'pause', where)} />
      <ActionButton action={control('abort', where)} />
    </>
  );
}
