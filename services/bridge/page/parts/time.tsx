/** Times in the zone of who looks; the exact one is said on hover. */
import { signal } from '@preact/signals';

const TICK_MS = 5_000;
const now = signal(Date.now());
setInterval(() => (now.value = Date.now()), TICK_MS);

const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long' });
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });

export function exactTime(time: string): string {
  const at = Date.parse(time);
  return Number.isNaN(at) ? time : `${exact.format(at)} (${new Date(at).toISOString()})`;
}

/** How long ago. */
export function Ago({ time }: { time: string }) {
  return (
    <time dateTime={time} title={exactTime(time)}>
      {ago(Date.parse(time), Math.max(now.value, Date.now()))}
    </time>
  );
}

/** The time of day, and the day unless it is today. */
export function Clock({ time }: { time: string }) {
  return (
    <time dateTime={time} title={exactTime(time)}>
      {clockTime(time)}
    </time>
  );
}

export function clockTime(time: string): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return time;
  const isToday = at.toDateString() === new Date().toDateString();
  return isToday ? clock.format(at) : `${day.format(at)} ${clock.format(at)}`;
}

function ago(at: number, to: number): string {
  if (Number.isNaN(at)) return 'unknown';
  const seconds = Math.max(0, Math.round((to - at) / 1000));
  if (seconds < 10) return 'just now';
  if (seconds < 60) return `${Math.floor(seconds / 10) * 10} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** `850 ms`, `12.4 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(ms: number): string {
  if (Number.isNaN(ms) || ms < 0) return '';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
  return `${Math.floor(ms / 3_600_000)} h ${Math.round((ms % 3_600_000) / 60_000)} min`;
}
