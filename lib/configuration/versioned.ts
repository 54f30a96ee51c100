/** Files of the version that an event is about. */
import type { Configuration, Place } from './client.ts';
import type { KeptnEvent } from '../events/event.ts';

/** The commit that an event names, if it does. */
export function commitOf({ extensions }: KeptnEvent): string | undefined {
  const commit = extensions?.['gitcommitid'];
  // The configuration-service refuses what is none, and events may come from anywhere.
  return commit !== undefined && /^[0-9a-f]{40}$/.test(commit) ? commit : undefined;
}

/**
 * A file at the commit, else at the head of the branch: a commit of another repository, or one from before
 * the file was there, must not switch off a check that exists.
 */
export async function readAt(
  configuration: Configuration,
  place: Place,
  uri: string,
  commit: string | undefined,
): Promise<Buffer | undefined> {
  const content = commit === undefined ? undefined : await configuration.read(place, uri, commit);
  return content ?? configuration.read(place, uri);
}

/** The same as text. */
export async function readText(...args: Parameters<typeof readAt>): Promise<string | undefined> {
  return (await readAt(...args))?.toString('utf8');
}
