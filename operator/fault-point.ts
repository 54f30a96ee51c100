/** Places at which the crash tests kill the process; without KEPTN_CRASH_AT this does nothing. */

const crashAt = process.env['KEPTN_CRASH_AT'];

/** `name`: `<kind>/<step>` before a step, `<kind>/finish` before and `<kind>/finished` after the status is written. */
export function faultPoint(name: string): void {
  if (crashAt === name) process.kill(process.pid, 'SIGKILL');
}
