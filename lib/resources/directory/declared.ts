/** What the folder declares as a whole: one manifest an object, and for how long an object has not been seen. */
import { join, relative } from 'node:path';
import type { Manifest, Problem } from './manifests.ts';
import { keyOf } from './registry.ts';
import { declaredTwice, type Scan } from './scanner.ts';

/** A document that vanishes is deleted after this time: files are moved, and saved by removing and making them. */
export const GRACE_MS = 300;

/** One manifest an object: of two the one that is in effect, else the first; the other is a problem. */
export function chooseManifests(
  { manifests }: Scan,
  sourceOf: (key: string) => string | undefined,
  directory: string,
): { chosen: Map<string, Manifest>; problems: Problem[] } {
  const chosen = new Map<string, Manifest>();
  const problems: Problem[] = [];
  for (const manifest of manifests) {
    const key = keyOf(manifest.kind, manifest);
    const other = chosen.get(key);
    if (!other) chosen.set(key, manifest);
    else if (manifest.file !== other.file && relative(directory, manifest.file) === sourceOf(key)) {
      chosen.set(key, manifest);
      problems.push(declaredTwice(other, manifest));
    } else problems.push(declaredTwice(manifest, other));
  }
  return { chosen, problems };
}

/** Tells objects that are gone from those that are merely not seen at the moment. */
export class Absence {
  readonly #directory: string;
  readonly #since = new Map<string, number>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  seen(key: string): void {
    this.#since.delete(key);
  }

  /** Milliseconds until the object counts as deleted, 0 when it does; undefined when nobody can know. */
  remaining(key: string, source: string | undefined, { uncertain }: Scan, graceMs: number): number | undefined {
    const unknown = source === undefined ? uncertain.size > 0 : uncertain.has(join(this.#directory, source));
    if (unknown) {
      this.#since.delete(key);
      return undefined;
    }
    const now = performance.now();
    const since = this.#since.get(key) ?? now;
    this.#since.set(key, since);
    return Math.max(0, since + graceMs - now);
  }
}
