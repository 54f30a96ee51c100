/** From objectives to alerts: each is violated when none of its sets of criteria holds any more. */
import { Terminal } from '../../lib/errors/classes.ts';
import type { Queries } from '../lighthouse-service/providers/queries.ts';
import { parseCriterion, type Criterion } from '../lighthouse-service/scoring/criterion.ts';
import type { Objective } from '../lighthouse-service/scoring/slo.ts';
import { vectorOf } from './promql.ts';

export interface Alert {
  /** The SLI: what remediation.yaml names. */
  name: string;
  expression: string;
  /** The criteria as slo.yaml has them. */
  wanted: string;
}

export interface Alerts {
  alerts: Alert[];
  /** A sentence for each objective or criterion that is in no alert. */
  leftOut: string[];
}

/** Where the queries of the SLIs come from. */
export interface Source {
  queries: Queries;
  /** Puts the values of placeholders in. */
  fill: (query: string) => string;
  /** For messages, such as `of carts in prod`. */
  where: string;
}

/** `Terminal` for a criterion or a query that is none. */
export function alertsOf(objectives: readonly Objective[], source: Source): Alerts {
  const alerts = new Map<string, Alert>();
  const leftOut: string[] = [];
  for (const [index, objective] of objectives.entries()) {
    const { alert, remark } = alertOf(objective, index, source);
    if (remark !== undefined) leftOut.push(remark);
    if (!alert) continue;
    const same = alerts.get(alert.name);
    // One name, one alert: Alertmanager tells alerts apart by their labels.
    alerts.set(alert.name, same ? bothOf(same, alert) : alert);
  }
  return { alerts: [...alerts.values()], leftOut };
}

function alertOf({ sli, pass }: Objective, index: number, source: Source): { alert?: Alert; remark?: string } {
  const no = (reason: string) => ({ remark: `${sli} is no alert: ${reason}` });
  const sets = (pass ?? []).map(({ criteria }, set) =>
    criteria.map((text, nth) => criterionOf(text, `objectives.${index}.pass.${set}.criteria.${nth}`, source)),
  );
  if (sets.length === 0) return no('it has no pass criteria');
  const absolute = sets.map((set) => set.filter(({ comparison }) => !comparison));
  const compared = textOf(sets.flat().filter(({ comparison }) => comparison));
  if (absolute.some((set) => set.length === 0))
    return no(compared === '' ? 'a set without criteria always holds' : `${compared} compares with results before`);
  const query = source.queries.get(sli);
  if (query === undefined) return no('prometheus/sli.yaml has no query for it');
  const [unknown] = /\$(CONTEXT\b|LABEL\.[\w.-]+)/.exec(query) ?? [];
  if (unknown !== undefined) return no(`its query has ${unknown}, which is of a delivery`);
  const parsed = vectorOf(source.fill(query).trim());
  if ('problem' in parsed)
    throw new Terminal('InvalidField', `prometheus/sli.yaml ${source.where}: indicators.${sli}: ${parsed.problem}`);
  const wanted = absolute.map(textOf).join(' or ');
  return {
    alert: { name: sli, expression: violationOf(parsed.vector, absolute), wanted },
    ...(compared !== '' && { remark: `${sli} is an alert without ${compared}, which compares with results before` }),
  };
}

interface Given extends Criterion {
  text: string;
}

function criterionOf(text: string, field: string, { where }: Source): Given {
  const criterion = parseCriterion(text);
  if (criterion) return { ...criterion, text: text.replace(/\s/g, '') };
  throw new Terminal(
    'InvalidField',
    `slo.yaml ${where}: ${field}: ${JSON.stringify(text)} is no criterion, such as "<600"`,
  );
}

const textOf = (criteria: readonly Given[]): string => criteria.map(({ text }) => text).join(' and ');

const opposites: Record<Criterion['operator'], string> = { '<': '>=', '<=': '>', '=': '!=', '>=': '<', '>': '<=' };

/** `or` binds weaker than `and`. */
function violationOf(query: string, sets: readonly Criterion[][]): string {
  const violations = sets.map((set) => {
    const one = set.map(({ operator, value }) => `${query} ${opposites[operator]} ${value}`);
    return sets.length > 1 && one.length > 1 ? `(${one.join(' or ')})` : one.join(' or ');
  });
  return violations.join(' and ');
}

const bothOf = (first: Alert, second: Alert): Alert => ({
  name: first.name,
  expression: `${first.expression} or ${second.expression}`,
  wanted: `${first.wanted}, and ${second.wanted}`,
});
