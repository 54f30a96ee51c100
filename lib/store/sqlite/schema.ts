/**
 * The tables. Texts that repeat are numbers here (`names`), so that an index holds all that a filter asks for and stays
 * small: a page is found in the index, and only its own events are read.
 */
import { DatabaseSync } from 'node:sqlite';
import { facets } from '../stored.ts';

const VERSION = 1;

/** `seq` makes the order of an index that of a page; the columns behind it are looked at when a second filter is given. */
const rest = (first: string): string => ['time', 'seq', ...facets.filter((facet) => facet !== first)].join(', ');

const tables = `
  CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE contexts (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, time INTEGER NOT NULL) STRICT;
  CREATE INDEX contexts_time ON contexts (time);
  CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, time INTEGER NOT NULL, context INTEGER NOT NULL,
    type INTEGER NOT NULL, source INTEGER NOT NULL, project INTEGER, stage INTEGER, service INTEGER, body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX events_time ON events (time);
  CREATE INDEX events_context ON events (context, ${rest('context')});
  ${facets.map((facet) => `CREATE INDEX events_${facet} ON events (${facet}, ${rest(facet)});`).join('\n')}
  CREATE TABLE roots (
    facet INTEGER NOT NULL, time INTEGER NOT NULL, context INTEGER NOT NULL, PRIMARY KEY (facet, time, context)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE logs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, time INTEGER NOT NULL, context TEXT NOT NULL,
    event TEXT NOT NULL, body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX logs_time ON logs (time);
  CREATE INDEX logs_context ON logs (context, time);
  CREATE INDEX logs_event ON logs (event, time);
`;

export interface SqliteFile {
  path: string;
  /** False: faster, and a power failure may lose what was acknowledged last. */
  durable: boolean;
}

/** Megabytes of pages that each of the two connections keeps. */
const CACHE_MB = 8;
const BUSY_MS = 10_000;

export function openDatabase({ path, durable }: SqliteFile): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: BUSY_MS });
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${durable ? 'FULL' : 'NORMAL'};
    PRAGMA cache_size = -${CACHE_MB * 1024}; PRAGMA temp_store = MEMORY;`);
  const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
  if (version === 0) database.exec(`BEGIN IMMEDIATE; ${tables} PRAGMA user_version = ${VERSION}; COMMIT;`);
  else if (version !== VERSION) throw new Error(`${path} is of version ${version}, this program knows ${VERSION}`);
  return database;
}

/** A facet and its value as one number, for the table of roots. */
export function facetKey(name: number, facet: number): number {
  return name * facets.length + facet;
}
