/** The thread that reads; it never waits for the one that writes. */
import { workerData } from 'node:worker_threads';
import { Finder } from './find.ts';
import { serve } from './rpc.ts';
import { openDatabase, type SqliteFile } from './schema.ts';

const database = openDatabase(workerData as SqliteFile);
const finder = new Finder(database);

const calls = {
  events: finder.events.bind(finder),
  roots: finder.roots.bind(finder),
  logs: finder.logs.bind(finder),
  close: () => database.close(),
};
export type ReaderCalls = typeof calls;

serve(calls);
