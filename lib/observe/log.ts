/** The log: one JSON line an entry on stderr. Keys are fixed: project stage service keptnContext eventId key. */
import { pino, destination, type Logger } from 'pino';

export type { Logger };

/** Paths that may hold a secret; their values never reach a log line. */
const redact = ['*.token', '*.gitToken', '*.password', '*.authorization', '*.data.gitToken'];

/** `level`: pino's levels, `silent` for none. */
export function createLog(name: string, level = process.env['LOG_LEVEL'] ?? 'info'): Logger {
  return pino({ name, level, redact, timestamp: pino.stdTimeFunctions.isoTime }, destination({ dest: 2, sync: true }));
}
