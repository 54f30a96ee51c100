/** Each event of a sequence with what was said about it; the one that failed stands open. */
import { useComputed, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { textIn, type KeptnEvent } from '../../../../lib/events/event.ts';
import type { LogLine } from '../api/events.ts';
import { Code, shownJson } from '../parts/code.tsx';
import { childOf, lineOf, titleOf, toneOf, toneOfLevel, webAddress } from '../parts/names.ts';
import { Mark } from '../parts/status.tsx';
import { StepHead } from '../parts/step-head.tsx';
import { Clock, duration, exactTime } from '../parts/time.tsx';
import { linkTo } from '../shell/router.ts';
import { EvaluationDetails } from '../evaluations/details.tsx';
import { stageOf, type SequenceData } from './state.ts';

/** Of one step; the rest is in the log. */
const MAX_LINES = 200;

export function Steps({ data, selector }: { data: SequenceData; selector: string | undefined }) {
  const { events, logs, overview } = data;
  const first = overview?.stages[0]?.name ?? '';
  const failed = events.find((event) => toneOf(event) === 'bad' && textIn(event.data, 'result') !== undefined);
  const chosen =
    selector && events.findLast((event) => [event.id, event.type, stageOf(event, first)].includes(selector));
  const opened = failed?.id ?? (chosen ? chosen.id : undefined);
  const byEvent = Map.groupBy(logs, ({ eventId }) => eventId);
  const known = new Set(events.map(({ id }) => id));
  const others = logs.filter(({ eventId }) => !known.has(eventId));
  return (
    <section class="steps" aria-labelledby="steps">
      <h2 id="steps">
        Steps <span class="count">{events.length}</span>
      </h2>
      <ol>
        {events.map((event, nth) => {
          const stage = stageOf(event, first);
          const before = nth > 0 ? stageOf(events[nth - 1] ?? event, first) : undefined;
          return (
            <li key={event.id} id={event.id === failed?.id ? 'failed-step' : undefined}>
              {stage !== before && stage !== '' && <h3 class="stage-mark">{stage}</h3>}
              <Step
                event={event}
                since={nth > 0 ? Date.parse(event.time) - Date.parse(events[nth - 1]?.time ?? '') : undefined}
                lines={byEvent.get(event.id) ?? []}
                isOpened={event.id === opened}
              />
            </li>
          );
        })}
      </ol>
      {others.length > 0 && (
        <>
          <h3 class="stage-mark">Said besides</h3>
          <Lines lines={others} />
        </>
      )}
    </section>
  );
}

interface StepProps {
  event: KeptnEvent;
  since: number | undefined;
  lines: readonly LogLine[];
  isOpened: boolean;
}

function Step({ event, since, lines, isOpened }: StepProps) {
  const isOpen = useSignal(isOpened);
  useEffect(() => {
    if (isOpened) isOpen.value = true;
  }, [isOpened]);
  const worst = useComputed(() => lines.some(({ logLevel }) => toneOfLevel(logLevel) === 'bad'));
  return (
    <div class={`step${isOpen.value ? ' step-open' : ''}`}>
      <StepHead isOpen={isOpen}>
        <Mark tone={toneOf(event)} />
        <span class="step-title">{titleOf(event)}</span>
        <span class="step-line">{lineOf(event)}</span>
        {lines.length > 0 && (
          <span class={`step-lines${worst.value ? ' tone-bad' : ''}`}>
            {lines.length} {lines.length === 1 ? 'line' : 'lines'}
          </span>
        )}
        <span class="step-time">
          <Clock time={event.time} />
          {since !== undefined && <small>+{duration(since) || '0 ms'}</small>}
        </span>
      </StepHead>
      {isOpen.value && (
        <div class="step-body">
          <StepFacts event={event} />
          {childOf(event.data, 'evaluationdetails') !== undefined && <EvaluationDetails event={event} />}
          {lines.length > 0 && <Lines lines={lines} />}
          <details>
            <summary>Payload</summary>
            <Code text={shownJson(event)} label="the payload" />
          </details>
        </div>
      )}
    </div>
  );
}

/** What can be gone to from an event: the deployment, the commit that was deployed. */
function StepFacts({ event: { type, source, data, extensions } }: { event: KeptnEvent }) {
  const commit = extensions?.['gitcommitid'];
  const [project, stage, service] = ['project', 'stage', 'service'].map((name) => textIn(data, name));
  const address = webAddress(textIn(data, 'deploymentURIPublic') || textIn(data, 'deploymentURILocal'));
  const labels = Object.entries(childOf(data, 'labels') ?? {});
  return (
    <p class="facts">
      <span class="mono">{type}</span>
      <span>from {source}</span>
      {commit !== undefined && (
        <a class="mono" href={linkTo('/resources', { project, stage, service, version: commit })} title={commit}>
          commit {commit.slice(0, 8)}
        </a>
      )}
      {address !== undefined && (
        <a href={address} target="_blank" rel="noreferrer noopener">
          {address}
        </a>
      )}
      {labels.map(([name, value]) => (
        <span key={name} class="label">
          {name}: {String(value)}
        </span>
      ))}
    </p>
  );
}

function Lines({ lines }: { lines: readonly LogLine[] }) {
  const shown = lines.slice(-MAX_LINES);
  return (
    <>
      {shown.length < lines.length && (
        <p class="hint">
          The last {MAX_LINES} of {lines.length} lines:
        </p>
      )}
      <ul class="lines">
        {shown.map((line, nth) => (
          <li key={nth} class={`tone-${toneOfLevel(line.logLevel)}`}>
            <time dateTime={line.timestamp} title={exactTime(line.timestamp)}>
              {new Date(line.timestamp).toLocaleTimeString()}
            </time>
            <span class="line-service">{line.keptnService}</span>
            <span>{line.message}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
