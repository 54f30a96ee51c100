/** One evaluation, as its event tells it. */
import { z } from 'zod';
import { textIn, type KeptnEvent } from '../../../../lib/events/event.ts';
import { evaluationDone } from '../../../../lib/events/workflow.ts';

const targetSchema = z.object({
  criteria: z.string(),
  violated: z.boolean().catch(false),
  targetValue: z.number().nullish(),
});
const resultSchema = z.looseObject({ targets: z.array(targetSchema).nullish().catch(null) });

export interface IndicatorResult {
  metric: string;
  value: number;
  /** pass, warning, fail or info. */
  status: string;
  score: number;
  message: string;
  targets: z.infer<typeof targetSchema>[];
}

export interface Evaluation {
  id: string;
  keptnContext: string;
  time: string;
  project: string;
  stage: string;
  service: string;
  result: string;
  /** Undefined where there was nothing to score. */
  score: number | undefined;
  /** Why it is not passed, or was not done. */
  message: string;
  start: string;
  end: string;
  indicators: IndicatorResult[];
  /** slo.yaml as it was. */
  slo: string;
}

/** Undefined for an event that is none, or has another form. */
export function evaluationOf({ id, data, time, shkeptncontext }: KeptnEvent): Evaluation | undefined {
  const done = evaluationDone.safeParse(data).data;
  if (!done) return undefined;
  const { project, stage, service, result, evaluationdetails: details } = done;
  const indicators = (details?.indicatorResults ?? []).map((one): IndicatorResult => ({
    metric: one.value.metric,
    value: one.value.value,
    status: one.status,
    score: one.score ?? 0,
    message: one.value.message ?? '',
    targets: resultSchema.safeParse(one).data?.targets ?? [],
  }));
  const said = textIn(details, 'message') ?? details?.result ?? '';
  return {
    ...{ id, keptnContext: shkeptncontext, time, project, stage, service, result, indicators },
    score: indicators.length > 0 ? details?.score : undefined,
    message: said === result ? '' : said,
    start: details?.timeStart ?? '',
    end: details?.timeEnd ?? '',
    slo: decoded(textIn(details, 'sloFileContent') ?? ''),
  };
}

function decoded(base64: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
  } catch {
    return '';
  }
}

/** Few digits where they say enough. */
export function shownValue(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(Math.abs(value) < 10 ? 2 : 1);
}
