/** Writes batches: one transaction each, so one wait for the disk. */
import type { DatabaseSync } from 'node:sqlite';
import type { LogEntry } from '../port.ts';
import { facets, type StoredEvent } from '../stored.ts';
import { keysOf, Roots, type FacetNames } from './roots.ts';
import { inTransaction } from './transaction.ts';

/** Names that are remembered; the others are looked up. */
const MAX_NAMES = 20_000;

export class Appender {
  readonly #database: DatabaseSync;
  readonly #names = new Map<string, number>();
  readonly #roots: Roots;
  readonly #sql;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#roots = new Roots(database);
    this.#sql = {
      known: database.prepare('SELECT 1 FROM events WHERE id = ?'),
      insert: database.prepare(
        `INSERT INTO events (id, time, context, ${facets.join(', ')}, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ),
      nameId: database.prepare('SELECT id FROM names WHERE name = ?'),
      insertName: database.prepare('INSERT INTO names (name) VALUES (?)'),
      insertLog: database.prepare(
        'INSERT INTO logs (id, time, context, event, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
      ),
    };
  }

  /** For each event whether it was new. */
  events(batch: readonly StoredEvent[]): boolean[] {
    try {
      return inTransaction(this.#database, () => batch.map((event) => this.#event(event)));
    } catch (error) {
      // Names of a transaction that was taken back have no numbers.
      this.#names.clear();
      throw error;
    }
  }

  logs(batch: readonly LogEntry[]): boolean[] {
    return inTransaction(this.#database, () =>
      batch.map(({ id = null, ...entry }) => {
        const time = Date.parse(entry.timestamp);
        const body = JSON.stringify(entry);
        return this.#sql.insertLog.run(id, time, entry.keptnContext, entry.eventId, body).changes === 1;
      }),
    );
  }

  #event(event: StoredEvent): boolean {
    if (this.#sql.known.get(event.id) !== undefined) return false;
    const names: FacetNames = facets.map((facet) => {
      const name = event[facet];
      return name === undefined ? null : this.#nameId(name);
    });
    const context = this.#roots.note(event.keptnContext, event.time, keysOf(names));
    this.#sql.insert.run(event.id, event.time, context, ...names, event.body);
    return true;
  }

  #nameId(name: string): number {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const found = this.#sql.nameId.get(name)?.['id'];
    const id = Number(found ?? this.#sql.insertName.run(name).lastInsertRowid);
    if (this.#names.size >= MAX_NAMES) this.#names.clear();
    this.#names.set(name, id);
    return id;
  }
}
