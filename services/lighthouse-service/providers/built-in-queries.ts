/**
 * The queries of 0.6.2 for SLIs that prometheus/sli.yaml does not name. They look at the scrape job of the deployment, as
 * the prometheus-service sets it up; a filter of slo.yaml is a further matcher.
 */
import type { SliRequest } from './port.ts';

type Place = Pick<SliRequest, 'project' | 'stage' | 'service' | 'deployment' | 'customFilters'>;

/** `deployment`: a blue/green service has two, each with a job of its own. */
export function jobOf({ project, stage, service, deployment }: Omit<Place, 'customFilters'>): string {
  const suffix = deployment === 'canary' || deployment === 'primary' ? `-${deployment}` : '';
  return `${service}-${project}-${stage}${suffix}`;
}

export function builtInQueries(place: Place): Map<string, string> {
  const matchers = [`job="${jobOf(place)}"`, ...(place.customFilters ?? []).flatMap(matcherOf)].join(',');
  const rate = (metric: string, further = ''): string => `rate(${metric}{${matchers}${further}}[$DURATION_SECONDS])`;
  const quantile = (q: number): string =>
    `histogram_quantile(${q}, sum by (le) (${rate('http_response_time_milliseconds_bucket')}))`;
  const failed = rate('http_requests_total', ',status!~"2.."');
  return new Map([
    ['throughput', `sum(${rate('http_requests_total')})`],
    ['error_rate', `(sum(${failed}) or vector(0)) / sum(${rate('http_requests_total')})`],
    ['response_time_p50', quantile(0.5)],
    ['response_time_p90', quantile(0.9)],
    ['response_time_p95', quantile(0.95)],
  ]);
}

/** A value may begin with its operator, such as `=~.+Controller`. What is no name of a label is for placeholders alone. */
function matcherOf({ key, value }: { key: string; value: string }): string[] {
  if (!/^[a-zA-Z_]\w*$/.test(key)) return [];
  const [, operator = '', operand = ''] = /^(=~|!~|!=|=)?(.*)$/s.exec(value) ?? [];
  return [`${key}${operator || '='}${JSON.stringify(operand.replace(/^(['"])(.*)\1$/s, '$2'))}`];
}
