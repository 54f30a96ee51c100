/** The thread that writes. */
import { workerData } from 'node:worker_threads';
import { Appender } from './append.ts';
import { Pruner } from './prune.ts';
import { serve } from './rpc.ts';
import { openDatabase, type SqliteFile } from './schema.ts';

const database = openDatabase(workerData as SqliteFile);
const appender = new Appender(database);
const pruner = new Pruner(database);

const calls = {
  events: appender.events.bind(appender),
  logs: appender.logs.bind(appender),
  prune: pruner.prune.bind(pruner),
  close: () => database.close(),
};
export type WriterCalls = typeof calls;

serve(calls);
