/** The way through the stages over time: a row a stage, a bar a phase, as long as it took. */
import { deliveryTypes, isOver, stageAfter, type StageDelivery } from '../../../../lib/delivery/stage.ts';
import { Status, toneOfPhase } from '../parts/status.tsx';
import { clockTime, duration } from '../parts/time.tsx';
import { stageOf, type SequenceData, type SequenceView } from './state.ts';

interface Bar {
  phase: string;
  from: number;
  to: number;
}

export function Timeline({ data, view }: { data: SequenceData; view: SequenceView }) {
  const stages = [...view.delivery.stages.values()];
  const start = Date.parse(data.events[0]?.time ?? '');
  if (stages.length === 0 || Number.isNaN(start)) return null;
  const isRunning = stages.some((stage) => !isOver(stage));
  const end = isRunning ? Date.now() : Date.parse(data.events.at(-1)?.time ?? '');
  const span = Math.max(end - start, 1);
  const bars = barsOf(data, end);
  return (
    <section class="timeline" aria-labelledby="timeline">
      <h2 id="timeline">
        Stages <span class="count">{duration(end - start)}</span>
      </h2>
      <ol>
        {stages.map((stage) => (
          <li key={stage.name}>
            <b>{stage.name}</b>
            <div class="bars">
              {(bars.get(stage.name) ?? []).map(({ phase, from, to }) => (
                <span
                  key={`${phase} ${from}`}
                  class={`bar-part tone-${toneOfPhase(phase)} phase-${phase.toLowerCase()}`}
                  style={{ left: `${((from - start) / span) * 100}%`, width: `${((to - from) / span) * 100}%` }}
                  title={`${phase}: ${duration(to - from)}, from ${clockTime(new Date(from).toISOString())}`}
                />
              ))}
            </div>
            <span class="timeline-state">
              <Status tone={toneOfPhase(stage.phase)}>{stage.phase}</Status>
              {stage.score !== undefined && <span class="score">{Math.round(stage.score)}</span>}
            </span>
            <span class="timeline-time">
              {duration(lastOf(bars.get(stage.name), end) - Date.parse(stage.startedAt))}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

const lastOf = (bars: readonly Bar[] | undefined, end: number): number => bars?.at(-1)?.to ?? end;

/** The phases of each stage, in the order in which the fold of its events came to them. */
function barsOf({ events, overview }: SequenceData, end: number): Map<string, Bar[]> {
  const first = overview?.stages[0]?.name ?? '';
  const stages = new Map<string, StageDelivery>();
  const bars = new Map<string, Bar[]>();
  for (const event of events) {
    const name = stageOf(event, first);
    if (!deliveryTypes.includes(event.type) || name === '') continue;
    const stage = stageAfter(stages.get(name), event, name);
    if (!stage) continue;
    stages.set(name, stage);
    const own = bars.get(name) ?? [];
    const [last, at] = [own.at(-1), Date.parse(event.time)];
    if (last?.phase === stage.phase) continue;
    if (last) last.to = at;
    own.push({ phase: stage.phase, from: at, to: isOver(stage) ? at : end });
    bars.set(name, own);
  }
  return bars;
}
