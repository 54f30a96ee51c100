/** The life of a process of ours: settings from the environment, a start, an end by SIGTERM or SIGINT. */
import { z } from 'zod';
import { messageOf } from '../errors/classes.ts';
import { problemsOf } from '../model/names.ts';
import type { Logger } from './log.ts';
import { startTracing } from './trace.ts';

/** Settings that several processes have, one meaning each. */
export const port = z.coerce.number().int().min(0).max(65_535);
export const list = (text: string): string[] => text.split(',').map((one) => one.trim());
/** Where NATS is; several with commas. */
export const natsServers = z.string().default('nats://keptn-nats-cluster').transform(list);

/** An empty variable is none. */
export function fromEnvironment<T>(settings: z.ZodType<T>): z.ZodSafeParseResult<T> {
  const given = Object.entries(process.env).filter(([, value]) => value !== '');
  return settings.safeParse(Object.fromEntries(given));
}

export interface Closable {
  close(): Promise<unknown>;
}

/**
 * Starts the program; what `start` gives is closed in that order when a signal comes. Ends the process with 0 then, with 2
 * for settings that are not valid, with 1 when the start fails.
 */
export async function runProgram<T>(
  log: Logger,
  settings: z.ZodType<T>,
  start: (settings: T) => Promise<readonly Closable[]>,
): Promise<void> {
  const parsed = fromEnvironment(settings);
  if (!parsed.success) {
    log.fatal(problemsOf(parsed.error));
    process.exit(2);
  }
  try {
    const tracing = await startTracing(String(log.bindings()['name']), log);
    const parts = await start(parsed.data);
    const stop = (): void => void closeAll([...parts, tracing]).then(() => process.exit(0));
    process.once('SIGTERM', stop).once('SIGINT', stop);
  } catch (error) {
    log.fatal(messageOf(error));
    process.exit(1);
  }
}

async function closeAll(parts: readonly Closable[]): Promise<void> {
  for (const part of parts) await part.close();
}
