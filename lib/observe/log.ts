/**
 * The log: one JSON line an entry on stderr. Keys are fixed: project stage service keptnContext eventId key, and trace_id
 * span_id where there are traces.
 */
import { pino, destination, type Logger } from 'pino';
import { traceFields } from './trace.ts';

export type { Logger };

/** Keys whose values never reach a log line, as deep as anything of ours lies. */
const secrets = ['token', 'gitToken', 'password', 'authorization', 'x-token', 'cookie'];
const redact = secrets.flatMap((key) => ['', '*', '*.*'].map((at) => `${at}["${key}"]`));

/** `level`: pino's levels, `silent` for none. */
export function createLog(name: string, level = process.env['LOG_LEVEL'] ?? 'info'): Logger {
  const options = { name, level, redact, mixin: traceFields, timestamp: pino.stdTimeFunctions.isoTime };
  return pino(options, destination({ dest: 2, sync: true }));
}
