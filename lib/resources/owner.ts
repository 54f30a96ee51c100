/** What made an object by `apply`: people declare it there, and not itself. */
import { Terminal } from '../errors/classes.ts';
import { nameOf, type Stored } from '../model/object.ts';

export function ownerOf({ metadata }: Stored): { kind: string; name: string } | undefined {
  return metadata.ownerReferences?.[0];
}

/** Throws `Terminal` (Forbidden) for an object that another one makes. */
export function requireUnowned(object: Stored | undefined): void {
  const owner = object && ownerOf(object);
  if (owner)
    throw new Terminal('Forbidden', `${nameOf(object)}: ${owner.kind} ${owner.name} makes it; declare it there`);
}
