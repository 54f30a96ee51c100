/** Values from Prometheus: an instant query for each indicator, at the end of the time that is evaluated. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Configuration } from '../../../lib/configuration/client.ts';
import { messageOf } from '../../../lib/errors/classes.ts';
import { withDeadline } from '../../../lib/errors/deadline.ts';
import { parseJson } from '../../../lib/errors/parse-json.ts';
import type { Measured } from '../scoring/objective.ts';
import { noValue, valueOf, type SliProvider, type SliRequest } from './port.ts';
import { fillIn, queriesOf, secondsOf } from './queries.ts';

const FILE = 'prometheus/sli.yaml';
/** Queries at once. */
const LANES = 8;
const QUERY_MS = 10_000;
const AGAIN_MS = 1_000;
/** For all of them: the event has to be answered in a minute. */
const ALL_MS = 40_000;

const sample = z.tuple([z.number(), z.string()]);
const answerSchema = z.discriminatedUnion('status', [
  z.object({ status: z.literal('error'), error: z.string() }),
  z.object({
    status: z.literal('success'),
    data: z.discriminatedUnion('resultType', [
      z.object({ resultType: z.literal('vector'), result: z.array(z.looseObject({ value: sample })) }),
      z.object({ resultType: z.literal('scalar'), result: sample }),
      z.object({ resultType: z.enum(['matrix', 'string']) }),
    ]),
  }),
]);

/** `url`: of Prometheus, without `/api/v1`. */
export function prometheusProvider(configuration: Configuration, url: string): SliProvider {
  const base = url.replace(/\/$/, '');
  return {
    async valuesOf(request, signal) {
      const { indicators } = request;
      const read = await queriesOf(configuration, request, FILE);
      if ('problem' in read) return indicators.map((metric) => noValue(metric, read.problem));
      const seconds = secondsOf(request);
      if (seconds === undefined) {
        const problem = `${request.start} to ${request.end} are no times as in RFC 3339`;
        return indicators.map((metric) => noValue(metric, problem));
      }
      return withDeadline(ALL_MS, (late) =>
        inLanes(indicators, async (metric) => {
          const query = read.queries.get(metric);
          if (query === undefined) return noValue(metric, `${FILE} has no query for ${metric}`);
          return ask(urlOf(base, fillIn(query, request, seconds), request), metric, AbortSignal.any([signal, late]));
        }),
      );
    },
  };
}

function urlOf(base: string, query: string, { end }: SliRequest): string {
  // Two series are as wrong as thousands; versions that do not know the limit take no heed of it.
  const parameters = new URLSearchParams({ query, time: new Date(end).toISOString(), limit: '2' });
  return `${base}/api/v1/query?${parameters.toString()}`;
}

/** A restart of Prometheus must not fail a version: where it is away it is asked once more. */
async function ask(url: string, metric: string, until: AbortSignal): Promise<Measured> {
  const first = await askOnce(url, metric, until);
  if (!first.away || until.aborted) return first.value;
  await sleep(AGAIN_MS, undefined, { signal: until }).catch(() => undefined);
  return (await askOnce(url, metric, until)).value;
}

async function askOnce(url: string, metric: string, until: AbortSignal): Promise<{ value: Measured; away: boolean }> {
  try {
    return await withDeadline(QUERY_MS, async (late) => {
      const response = await fetch(url, { signal: AbortSignal.any([until, late]) });
      return { value: valueIn(metric, response.status, await response.text()), away: response.status >= 500 };
    });
  } catch (error) {
    return {
      value: noValue(metric, `Prometheus at ${new URL(url).origin} does not answer: ${messageOf(error)}`),
      away: true,
    };
  }
}

function valueIn(metric: string, status: number, body: string): Measured {
  const parsed = answerSchema.safeParse(parseJson(body));
  if (!parsed.success) return noValue(metric, `Prometheus answered HTTP ${status}, and no JSON of its API`);
  const answer = parsed.data;
  if (answer.status === 'error')
    return noValue(metric, `Prometheus answered HTTP ${status}: ${answer.error.slice(0, 300)}`);
  const { data } = answer;
  if (data.resultType === 'scalar') return valueOf(metric, Number(data.result[1]), data.result[1]);
  if (data.resultType !== 'vector') return noValue(metric, `the query gives a ${data.resultType}, no single value`);
  const [first, ...others] = data.result;
  if (first === undefined) return noValue(metric, 'the query finds nothing at the end of the evaluated time');
  if (others.length > 0) return noValue(metric, 'the query gives several series: make one of them, such as by sum()');
  return valueOf(metric, Number(first.value[1]), first.value[1]);
}

async function inLanes<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const rest = [...items.entries()];
  const lane = async (): Promise<void> => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) results[next[0]] = await work(next[1]);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return results;
}
