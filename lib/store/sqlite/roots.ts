/**
 * The time of the oldest event of each context, and under which types, sources, projects, stages and services the context
 * is found: maintained with every write, so that the list of roots is read from an index.
 */
import type { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { facets } from '../stored.ts';
import { facetKey } from './schema.ts';

/** Numbers of the names of an event, as many as there are facets. */
export type FacetNames = (number | null)[];

const contextRow = z.object({ id: z.number(), time: z.number() }).optional();
const eventRow = z.array(z.number().nullable());

export class Roots {
  readonly #sql;

  constructor(database: DatabaseSync) {
    const columns = facets.join(', ');
    this.#sql = {
      context: database.prepare('SELECT id, time FROM contexts WHERE name = ?'),
      timeOf: database.prepare('SELECT id, time FROM contexts WHERE id = ?'),
      insertContext: database.prepare('INSERT INTO contexts (name, time) VALUES (?, ?)'),
      moveContext: database.prepare('UPDATE contexts SET time = ? WHERE id = ?'),
      deleteContext: database.prepare('DELETE FROM contexts WHERE id = ?'),
      insert: database.prepare('INSERT OR IGNORE INTO roots (facet, time, context) VALUES (?, ?, ?)'),
      delete: database.prepare('DELETE FROM roots WHERE facet = ? AND time = ? AND context = ?'),
      oldest: database.prepare('SELECT min(time) AS time FROM events WHERE context = ?'),
      names: database.prepare(`SELECT DISTINCT ${columns} FROM events WHERE context = ?`),
    };
    this.#sql.names.setReturnArrays(true);
  }

  /** Before an event of this context is stored: the number of the context. */
  note(name: string, time: number, keys: readonly number[]): number {
    const known = contextRow.parse(this.#sql.context.get(name));
    if (known === undefined) {
      const id = Number(this.#sql.insertContext.run(name, time).lastInsertRowid);
      this.#insert(keys, time, id);
      return id;
    }
    if (time < known.time) this.#move(known.id, known.time, time, this.#keys(known.id));
    this.#insert(keys, Math.min(time, known.time), known.id);
    return known.id;
  }

  /** After events of this context, found by `keys`, have been deleted. */
  forget(context: number, keys: ReadonlySet<number>): void {
    const known = contextRow.parse(this.#sql.timeOf.get(context));
    if (known === undefined) return;
    for (const key of keys) this.#sql.delete.run(key, known.time, context);
    const oldest = this.#sql.oldest.get(context)?.['time'];
    if (typeof oldest === 'number') this.#move(context, known.time, oldest, this.#keys(context));
    else this.#sql.deleteContext.run(context);
  }

  #move(context: number, from: number, to: number, keys: ReadonlySet<number>): void {
    for (const key of keys) this.#sql.delete.run(key, from, context);
    this.#insert(keys, to, context);
    this.#sql.moveContext.run(to, context);
  }

  #insert(keys: Iterable<number>, time: number, context: number): void {
    for (const key of keys) this.#sql.insert.run(key, time, context);
  }

  /** Of all events of the context that are there. */
  #keys(context: number): Set<number> {
    return new Set(this.#sql.names.all(context).flatMap((row) => keysOf(eventRow.parse(row))));
  }
}

export function keysOf(names: FacetNames): number[] {
  return names.flatMap((name, facet) => (name === null ? [] : [facetKey(name, facet)]));
}
