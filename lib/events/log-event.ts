/** A line for people as an event: 0.6.2's command line and the Bridge show it beside the event that it is about. */
import { eventTypes, type KeptnEvent } from './event.ts';

export type LogLevel = 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';

export interface LogLine {
  id: string;
  /** The service that says it. */
  source: string;
  /** The event that it is about. */
  cause: Pick<KeptnEvent, 'id' | 'shkeptncontext'>;
  message: string;
  loglevel: LogLevel;
  /** True for the last line that the command line waits for; false by default. */
  terminate?: boolean;
}

export function logEvent({ id, source, cause, message, loglevel, terminate = false }: LogLine): KeptnEvent {
  return {
    id,
    type: eventTypes.log,
    source,
    time: new Date().toISOString(),
    shkeptncontext: cause.shkeptncontext,
    data: { message, loglevel, terminate, eventId: cause.id },
  };
}
