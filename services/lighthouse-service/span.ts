/** The time that an evaluation looks at. */
import type { KeptnEvent } from '../../lib/events/event.ts';

/** Of an evaluation whose start nobody has said. */
const SPAN_MS = 5 * 60_000;

interface Span {
  start: string;
  end: string;
}

/** That of the data; where it says none, the last minutes before its end or before the event. */
export function spanOf({ data, time }: KeptnEvent & { data: Span }): Span {
  const end = data.end || time;
  const until = Date.parse(end);
  const before = new Date((Number.isNaN(until) ? Date.parse(time) : until) - SPAN_MS).toISOString();
  return { start: data.start || before, end };
}
