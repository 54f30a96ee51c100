/** Reads pages. Of several filters the one that matches least says which index is read: that is found by counting. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { z } from 'zod';
import type { Place } from '../cursor.ts';
import { MAX_COUNT, MAX_PAGE_BYTES, type EventFilter, type LogFilter } from '../port.ts';
import { facets } from '../stored.ts';
import {
  countLogsQuestion,
  countQuestion,
  countRootsQuestion,
  eventsQuestion,
  logsQuestion,
  rootsQuestion,
  type Condition,
  type Question,
  type Span,
} from './questions.ts';

/** A place in the order, and the stored JSON. */
export type FoundRow = [time: number, tie: number, body: string];

export interface FoundRows {
  rows: FoundRow[];
  /** True when more match. */
  isMore: boolean;
}

export interface Found extends FoundRows {
  total: number;
}

const rowSchema = z.tuple([z.number(), z.number(), z.string()]);
const numberSchema = z.tuple([z.number()]);

/** With fewer events a context is read by itself, and the other filters need not be counted. */
const FEW = 1_000;

/** Forms of questions that are kept prepared; there are some hundred. */
const MAX_STATEMENTS = 300;

export class Finder {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** `size` events at most, those behind `after`. */
  events(filter: EventFilter, after: Place<number> | undefined, size: number): Found {
    const given = this.#conditions(filter);
    if (given === undefined) return { rows: [], isMore: false, total: 0 };
    const span = spanOf(filter);
    const count = (conditions: readonly Condition[], max = MAX_COUNT): number =>
      this.#number(countQuestion(conditions, span, max)) ?? 0;
    const ofContext = given.filter(({ column }) => column === 'context');
    const isSmall = ofContext.length > 0 && count(ofContext, FEW) < FEW;
    const conditions = isSmall
      ? [...ofContext, ...given.filter(({ column }) => column !== 'context')]
      : smallestFirst(given, (one) => count([one]));
    return { ...this.#page(eventsQuestion(conditions, span, after, size + 1), size), total: count(conditions) };
  }

  /** The oldest event of each context that has an event which matches. */
  roots(filter: EventFilter, after: Place<number> | undefined, size: number): FoundRows {
    const given = this.#conditions(filter);
    if (given === undefined) return { rows: [], isMore: false };
    const conditions = smallestFirst(given, (one) =>
      one.column === 'context' ? 1 : (this.#number(countRootsQuestion(one, MAX_COUNT)) ?? 0),
    );
    return this.#page(rootsQuestion(conditions, spanOf(filter), after, size + 1), size);
  }

  logs(filter: LogFilter, after: Place<number> | undefined, size: number): Found {
    const total = this.#number(countLogsQuestion(filter, MAX_COUNT)) ?? 0;
    return { ...this.#page(logsQuestion(filter, after, size + 1), size), total };
  }

  /** Undefined when a value is nowhere, so that nothing can match. */
  #conditions(filter: EventFilter): Condition[] | undefined {
    const conditions: Condition[] = [];
    for (const column of [...facets, 'context'] as const) {
      const name = column === 'context' ? filter.keptnContext : filter[column];
      if (name === undefined) continue;
      const table = column === 'context' ? 'contexts' : 'names';
      const value = this.#number({ sql: `SELECT id FROM ${table} WHERE name = ?`, values: [name] });
      if (value === undefined) return undefined;
      conditions.push({ column, value });
    }
    return conditions;
  }

  /** The question asks for one row more than the page has, which tells whether there is a next one. */
  #page(question: Question, size: number): FoundRows {
    const rows: FoundRow[] = [];
    let bytes = 0;
    for (const found of this.#statement(question).iterate(...question.values)) {
      const row = rowSchema.parse(found);
      bytes += row[2].length;
      if (rows.length === size || (bytes > MAX_PAGE_BYTES && rows.length > 0)) return { rows, isMore: true };
      rows.push(row);
    }
    return { rows, isMore: false };
  }

  #number(question: Question): number | undefined {
    const row = this.#statement(question).get(...question.values);
    return row === undefined ? undefined : numberSchema.parse(row)[0];
  }

  #statement({ sql }: Question): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#database.prepare(sql);
    statement.setReturnArrays(true);
    if (this.#statements.size >= MAX_STATEMENTS) this.#statements.clear();
    this.#statements.set(sql, statement);
    return statement;
  }
}

function smallestFirst(conditions: readonly Condition[], countOf: (one: Condition) => number): Condition[] {
  if (conditions.length < 2) return [...conditions];
  return conditions
    .map((condition) => ({ condition, count: countOf(condition) }))
    .sort((a, b) => a.count - b.count)
    .map(({ condition }) => condition);
}

function spanOf({ fromTime, beforeTime }: EventFilter): Span {
  return {
    from: fromTime === undefined ? Number.MIN_SAFE_INTEGER : Date.parse(fromTime),
    before: beforeTime === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(beforeTime),
  };
}
