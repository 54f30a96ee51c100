/** Reads what the flags name; what is wrong is said with the flag. */
import { readFile, stat } from 'node:fs/promises';
import { CliError } from './errors.ts';

export async function readInput(file: string, flag: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const reason = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'is a folder' : String(error);
    throw new CliError('usage', `${flag}: ${file}: ${reason}`, { cause: error });
  }
}

export async function requireFolder(path: string, flag: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return;
  throw new CliError('usage', `${flag}: there is no folder ${path}: make it first`);
}

export async function readJson(file: string, flag: string): Promise<unknown> {
  const text = (await readInput(file, flag)).toString('utf8');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CliError('usage', `${flag}: ${file} is not JSON`, { cause: error });
  }
}

const MINUTE_MS = 60_000;
const DEFAULT_MINUTES = 5;

/** The time of an evaluation by the rules of 0.6.2: RFC 3339 with milliseconds. */
export function spanOf(given: { timeframe?: string; start?: string; end?: string }): { start: string; end: string } {
  const { timeframe } = given;
  const [start, end] = [timeOf(given.start, '--start'), timeOf(given.end, '--end')];
  const minutes = timeframe === undefined ? undefined : Number(/^(\d+)m$/.exec(timeframe)?.[1]);
  if (minutes !== undefined && !(minutes >= 1)) throw new CliError('usage', '--timeframe: must be minutes, such as 5m');
  if (minutes !== undefined && end !== undefined) throw new CliError('usage', '--end: not together with --timeframe');
  if (end !== undefined && start === undefined) throw new CliError('usage', '--end: needs --start');
  if (start !== undefined && end === undefined && minutes === undefined) {
    throw new CliError('usage', '--start: needs --end or --timeframe');
  }
  const length = (minutes ?? DEFAULT_MINUTES) * MINUTE_MS;
  const last = end ?? (start === undefined ? Date.now() : start + length);
  const first = start ?? last - length;
  if (last - first < MINUTE_MS) throw new CliError('usage', '--end: must be a minute after --start, at least');
  return { start: new Date(first).toISOString(), end: new Date(last).toISOString() };
}

function timeOf(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined;
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?$/.test(text) ? Date.parse(`${text.replace(/Z$/, '')}Z`) : NaN;
  if (Number.isNaN(time)) throw new CliError('usage', `${flag}: must be a time such as 2026-11-24T10:00:00, in UTC`);
  return time;
}

export function labelsOf(text: string | undefined): Record<string, string> | null {
  if (text === undefined) return null;
  return Object.fromEntries(
    text.split(',').map((pair) => {
      const [, key, value] = /^([^=]+)=(.*)$/.exec(pair.trim()) ?? [];
      if (key === undefined || value === undefined) throw new CliError('usage', `--labels: ${pair} is not key=value`);
      return [key, value];
    }),
  );
}
