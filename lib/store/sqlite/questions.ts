/** The SQL of the reads. Each names its index: what is chosen here by counting must not be guessed anew by the planner. */
import type { Place } from '../cursor.ts';
import type { LogFilter } from '../port.ts';
import { facets, type Facet } from '../stored.ts';
import { facetKey } from './schema.ts';

export interface Question {
  sql: string;
  values: (number | string)[];
}

/** A column that has to have this number. */
export interface Condition {
  column: Facet | 'context';
  value: number;
}

/** Milliseconds since 1970; both ends are outside. */
export interface Span {
  from: number;
  before: number;
}

/** Entries of an index that are looked at, at most, to count those that match the other conditions too. */
const MAX_LOOKED_AT = 30_000;

const equal = (conditions: readonly Condition[]): string[] => conditions.map(({ column }) => `${column} = ?`);
const valuesOf = (conditions: readonly Condition[]): number[] => conditions.map(({ value }) => value);
const indexOf = (first: Condition | undefined): string => `events_${first?.column ?? 'time'}`;

/** Rows of time, seq and body. The first condition says which index. */
export function eventsQuestion(
  conditions: readonly Condition[],
  { from, before }: Span,
  after: Place<number> | undefined,
  limit: number,
): Question {
  const where = [...equal(conditions), 'time > ?', 'time < ?', ...(after ? ['(time, seq) < (?, ?)'] : [])];
  return {
    sql: `SELECT time, seq, body FROM events INDEXED BY ${indexOf(conditions[0])}
      WHERE ${where.join(' AND ')} ORDER BY time DESC, seq DESC LIMIT ?`,
    values: [...valuesOf(conditions), from, before, ...(after ?? []), limit],
  };
}

/** One row: how many match the conditions, up to `max`. */
export function countQuestion(conditions: readonly Condition[], { from, before }: Span, max: number): Question {
  const [first, ...others] = conditions;
  const index = `FROM events INDEXED BY ${indexOf(first)}`;
  const where = [...equal(first ? [first] : []), 'time > ?', 'time < ?'].join(' AND ');
  const values = [...valuesOf(first ? [first] : []), from, before];
  if (others.length === 0) {
    return { sql: `SELECT count(*) FROM (SELECT 1 ${index} WHERE ${where} LIMIT ?)`, values: [...values, max] };
  }
  const looked = `SELECT ${others.map(({ column }) => column).join(', ')} ${index} WHERE ${where} ORDER BY time DESC LIMIT ?`;
  return {
    sql: `SELECT count(*) FROM (SELECT 1 FROM (${looked}) WHERE ${equal(others).join(' AND ')} LIMIT ?)`,
    values: [...values, MAX_LOOKED_AT, ...valuesOf(others), max],
  };
}

/** Rows of time and number of a context, and the body of its oldest event. The first condition says which part is read. */
export function rootsQuestion(
  conditions: readonly Condition[],
  { from, before }: Span,
  after: Place<number> | undefined,
  limit: number,
): Question {
  const context = conditions.find(({ column }) => column === 'context');
  const named = conditions.filter(({ column }) => column !== 'context');
  const [first] = named;
  const table = first ? 'roots' : 'contexts';
  const id = `${table}.${first ? 'context' : 'id'}`;
  const where = [
    ...(first ? ['facet = ?'] : []),
    ...(context ? [`${id} = ?`] : []),
    'time > ?',
    'time < ?',
    ...(after ? [`(time, ${id}) < (?, ?)`] : []),
  ];
  // A root is under each name of any of its events; of several names it has to be one event that has them all.
  if (named.length > 1) {
    where.push(`EXISTS (SELECT 1 FROM events INDEXED BY events_context
      WHERE context = ${id} AND ${equal(named).join(' AND ')})`);
  }
  const oldest = `SELECT body FROM events INDEXED BY events_context WHERE context = ${id} ORDER BY time, seq LIMIT 1`;
  return {
    sql: `SELECT time, ${id}, (${oldest}) FROM ${table} WHERE ${where.join(' AND ')}
      ORDER BY time DESC, ${id} DESC LIMIT ?`,
    values: [
      ...(first ? [keyOf(first)] : []),
      ...(context ? [context.value] : []),
      ...[from, before, ...(after ?? [])],
      ...(named.length > 1 ? valuesOf(named) : []),
      limit,
    ],
  };
}

/** One row: how many contexts have an event that matches this one condition, up to `max`. */
export function countRootsQuestion(condition: Condition, max: number): Question {
  return {
    sql: 'SELECT count(*) FROM (SELECT 1 FROM roots WHERE facet = ? LIMIT ?)',
    values: [keyOf(condition), max],
  };
}

function keyOf({ column, value }: Condition): number {
  return facetKey(
    value,
    facets.findIndex((facet) => facet === column),
  );
}

const logs = ({ eventId, keptnContext }: LogFilter) => {
  const index = eventId !== undefined ? 'logs_event' : keptnContext !== undefined ? 'logs_context' : 'logs_time';
  const where = [
    ...(eventId !== undefined ? ['event = ?'] : []),
    ...(keptnContext !== undefined ? ['context = ?'] : []),
  ];
  return { index, where, values: [eventId, keptnContext].filter((value) => value !== undefined) };
};

/** Rows of time, seq and body. */
export function logsQuestion(filter: LogFilter, after: Place<number> | undefined, limit: number): Question {
  const { index, where, values } = logs(filter);
  const all = [...where, ...(after ? ['(time, seq) < (?, ?)'] : [])];
  return {
    sql: `SELECT time, seq, body FROM logs INDEXED BY ${index}
      ${all.length > 0 ? `WHERE ${all.join(' AND ')}` : ''} ORDER BY time DESC, seq DESC LIMIT ?`,
    values: [...values, ...(after ?? []), limit],
  };
}

export function countLogsQuestion(filter: LogFilter, max: number): Question {
  const { index, where, values } = logs(filter);
  const condition = where.length > 0 ? `WHERE ${where.join(' AND ')}` : '';
  return {
    sql: `SELECT count(*) FROM (SELECT 1 FROM logs INDEXED BY ${index} ${condition} LIMIT ?)`,
    values: [...values, max],
  };
}
