/** The keptn context of an object: whoever knows the object knows it, before anything has been done. */
import { idOf } from '../events/id.ts';
import type { Stored } from './object.ts';

/** Of one generation of an object, or of its deletion; `projectUid` of the Project that it belongs to, none for a Project itself. */
export function contextOf({ metadata }: Pick<Stored, 'metadata'>, projectUid = ''): string {
  const what = metadata.deletionTimestamp === undefined ? metadata.generation : 'deletion';
  return idOf('context', metadata.uid, what, projectUid);
}
