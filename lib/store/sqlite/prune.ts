/** Deletes what is too old or too much, a little at a time, so that nobody waits long behind it. */
import type { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { facets } from '../stored.ts';
import { keysOf, Roots } from './roots.ts';
import { inTransaction } from './transaction.ts';

const eventRow = z.tuple([z.number(), z.number()]).rest(z.number().nullable());

export class Pruner {
  readonly #database: DatabaseSync;
  readonly #roots: Roots;
  readonly #sql;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#roots = new Roots(database);
    const oldest = 'WHERE time < ? ORDER BY time, seq LIMIT ?';
    this.#sql = {
      events: database.prepare(`SELECT seq, context, ${facets.join(', ')} FROM events ${oldest}`),
      deleteEvent: database.prepare('DELETE FROM events WHERE seq = ?'),
      deleteLogs: database.prepare(`DELETE FROM logs WHERE seq IN (SELECT seq FROM logs ${oldest})`),
      countEvents: database.prepare('SELECT count(*) AS count FROM events'),
      countLogs: database.prepare('SELECT count(*) AS count FROM logs'),
    };
    this.#sql.events.setReturnArrays(true);
  }

  /** At most `limit` events and as many entries: those before `before` (ms since 1970), then the oldest above `maxCount`. */
  prune(before: number, maxCount: number, limit: number): number {
    return inTransaction(this.#database, () => {
      const events = this.#events(before, limit);
      const logs = Number(this.#sql.deleteLogs.run(before, limit).changes);
      const moreEvents = Math.min(limit - events, this.#count('countEvents') - maxCount);
      const moreLogs = Math.min(limit - logs, this.#count('countLogs') - maxCount);
      const all = Number.MAX_SAFE_INTEGER;
      return (
        events +
        logs +
        (moreEvents > 0 ? this.#events(all, moreEvents) : 0) +
        (moreLogs > 0 ? Number(this.#sql.deleteLogs.run(all, moreLogs).changes) : 0)
      );
    });
  }

  #count(which: 'countEvents' | 'countLogs'): number {
    return Number(this.#sql[which].get()?.['count']);
  }

  #events(before: number, limit: number): number {
    const touched = new Map<number, Set<number>>();
    const rows = this.#sql.events.all(before, limit).map((row) => eventRow.parse(row));
    for (const [seq, context, ...names] of rows) {
      this.#sql.deleteEvent.run(seq);
      const keys = touched.get(context) ?? new Set();
      for (const key of keysOf(names)) keys.add(key);
      touched.set(context, keys);
    }
    for (const [context, keys] of touched) this.#roots.forget(context, keys);
    return rows.length;
  }
}
