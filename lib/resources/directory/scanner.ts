/**
 * Keeps what each file of the folder declares, and reads again only files that have changed. A file that is being
 * written is not read before it has been still for a moment.
 */
import { messageOf } from '../../errors/classes.ts';
import { listFiles, stampOf, type Stamp } from './files.ts';
import { readManifests, type Manifest, type Problem, type ReadFile, type ValueManifest } from './manifests.ts';

/** A file that changed in this time may be half-written: many programs empty it first and then write. */
export const QUIET_MS = 50;

export interface Scan {
  manifests: Manifest[];
  problems: Problem[];
  /** Files of which not everything is known: an object that was in one and is not seen is not deleted for that. */
  uncertain: Set<string>;
  /** True when a file is being written: look again. */
  unsettled: boolean;
}

interface Known {
  stamp: string;
  read: ReadFile;
}

const valueKey = ({ kind, namespace, name }: { kind: string; namespace: string; name: string }): string =>
  `${kind}/${namespace}/${name}`;

export class Scanner {
  readonly #directory: string;
  #files = new Map<string, Known>();
  /** Files that have changed and were not still yet: the stamp, and when it was seen first. */
  readonly #moving = new Map<string, { stamp: string; since: number }>();
  #values = new Map<string, ValueManifest>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Rejects when the folder cannot be listed. */
  async scan(): Promise<Scan> {
    const files = await listFiles(this.#directory);
    const stamps = await Promise.all(files.map((file) => stampOf(file).catch(() => ({ id: '', modified: 0 }))));
    const next = new Map<string, Known>();
    const result: Scan = { manifests: [], problems: [], uncertain: new Set(), unsettled: false };
    for (const [index, file] of files.entries()) {
      const stamp = stamps[index];
      if (!stamp) continue;
      const known = this.#files.get(file);
      const now = await this.#read(file, stamp, known);
      if (now) next.set(file, now);
      else {
        // Until it is still, what it declared before is what it declares.
        if (known) next.set(file, known);
        result.unsettled = true;
      }
      const read = (now ?? known)?.read;
      if (!now || read?.uncertain) result.uncertain.add(file);
      result.manifests.push(...(read?.manifests ?? []));
      result.problems.push(...(read?.problems ?? []));
    }
    for (const file of this.#moving.keys()) if (!next.has(file) && !files.includes(file)) this.#moving.delete(file);
    this.#files = next;
    this.#takeValues(result.problems);
    return result;
  }

  /** A value of a ConfigMap or Secret. */
  value(ref: { kind: string; namespace: string; name: string }, key: string): Uint8Array | undefined {
    return this.#values.get(valueKey(ref))?.values?.get(key);
  }

  /** Undefined when the file is being written. */
  async #read(file: string, { id: stamp, modified }: Stamp, known: Known | undefined): Promise<Known | undefined> {
    if (known?.stamp === stamp && stamp !== '') return known;
    if (!this.#isStill(file, stamp, modified)) return undefined;
    this.#moving.delete(file);
    try {
      const read = await readManifests(file);
      if ((await stampOf(file))?.id !== stamp) return undefined;
      return { stamp, read: read.broken && known ? { ...known.read, problems: read.problems, uncertain: true } : read };
    } catch (error) {
      const problems = [{ file, message: `cannot be read: ${messageOf(error)}` }];
      const before = known?.read ?? { manifests: [], values: [] };
      // Without a stamp: it is tried again at every look.
      return { stamp: '', read: { ...before, problems, broken: true, uncertain: true } };
    }
  }

  /** By the file's own clock, or when that is ahead of ours, by having been seen like this for as long. */
  #isStill(file: string, stamp: string, modified: number): boolean {
    const age = Date.now() - modified;
    if (age >= QUIET_MS) return true;
    const moving = this.#moving.get(file);
    if (moving?.stamp === stamp) return performance.now() - moving.since >= QUIET_MS;
    this.#moving.set(file, { stamp, since: performance.now() });
    return false;
  }

  #takeValues(problems: Problem[]): void {
    const before = this.#values;
    const next = new Map<string, ValueManifest>();
    for (const manifest of [...this.#files.values()].flatMap(({ read }) => read.values)) {
      const key = valueKey(manifest);
      const other = next.get(key);
      if (other) problems.push(declaredTwice(manifest, other));
      else next.set(key, manifest.values ? manifest : { ...manifest, values: before.get(key)?.values });
    }
    this.#values = next;
  }
}

/** The problem of an object that another place declares already. */
export function declaredTwice(
  manifest: Pick<Manifest, 'kind' | 'name' | 'file' | 'lineOf'> | ValueManifest,
  other: Pick<Manifest, 'file' | 'lineOf'>,
): Problem {
  const line = manifest.lineOf([]);
  const first = `${other.file}:${other.lineOf([])}`;
  const message = `${manifest.kind} ${manifest.name} is not in effect: it is declared in ${first} already`;
  return { file: manifest.file, line, message };
}
