/** The log: one JSON line an entry on stderr. Keys are fixed: project stage service keptnContext eventId key, and trace_id span_id where there are traces. */
import { pino, destination, type Logger } from 'pino';
import { traceFields } from './trace.ts';

export type { Logger };

/** Paths that may hold a secret; their values never reach a log line. */
const names = ['token', 'gitToken', 'password', 'authorization', '["x-token"]', 'cookie'];
const redact = names.flatMap((name) =>
  ['', '*', '*.*'].map((at) =>
    name.startsWith('[') ? `${at}${name}` : [at, name].filter((part) => part !== '').join('.'),
  ),
);

/** `level`: pino's levels, `silent` for none. */
export function createLog(name: string, level = process.env['LOG_LEVEL'] ?? 'info'): Logger {
  const options = { name, level, redact, mixin: traceFields, timestamp: pino.stdTimeFunctions.isoTime };
  return pino(options, destination({ dest: 2, sync: true }));
}
