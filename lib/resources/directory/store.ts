/**
 * ResourceStore on a folder of YAML files: writing a file is applying, removing it is deleting. Objects have uid,
 * generation, finalizers and status as on the API server, kept beside the user's files and never in them, so that the
 * same controllers run on it.
 */
import { relative, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, Terminal, Transient } from '../../errors/classes.ts';
import { API_VERSION } from '../../model/kind.ts';
import { kindNames, nameOf, type Kind, type Ref, type Spec, type Stored } from '../../model/object.ts';
import type { Status } from '../../model/status.ts';
import type { Logger } from '../../observe/log.ts';
import type { Change, Declared, Desired, Note, ResourceStore, StoreHealth, ValueRef } from '../port.ts';
import { ownerOf, requireUnowned } from '../owner.ts';
import type { ObjectView } from '../view.ts';
import { Absence, chooseManifests, GRACE_MS } from './declared.ts';
import { FolderWatch } from './folder-watch.ts';
import type { Manifest, Problem } from './manifests.ts';
import { keyOf, Registry } from './registry.ts';
import { Report } from './report.ts';
import { QUIET_MS, Scanner, type Scan } from './scanner.ts';
import { validate } from './validation.ts';

/** On an object that came by `create`; a file that declares it takes it over. */
const CREATED = 'keptn.sh/created';
const RETRY_MS = 1_000;
/** How long the first look waits for files that are being written. */
const FIRST_LOOK_MS = 2_000;

export interface DirectoryStoreOptions {
  directory: string;
  /** Where the store keeps its own state; a store has it for itself. */
  stateDirectory: string;
  log: Logger;
  /** Told once for each problem in the user's files, and again when it comes back. */
  onProblem: (problem: Problem) => void;
  onMended?: (problem: Problem) => void;
  onNote?: (object: Stored, note: Note) => void;
}

export function createDirectoryStore(options: DirectoryStoreOptions): ResourceStore {
  return new DirectoryStore({ ...options, directory: resolve(options.directory) });
}

class DirectoryStore implements ResourceStore {
  readonly #options: DirectoryStoreOptions;
  readonly #registry: Registry;
  readonly #scanner: Scanner;
  readonly #watch: FolderWatch;
  readonly #absence: Absence;
  readonly #report: Report;
  /** What the last look made of a manifest: it need not be validated again while neither side has changed. */
  readonly #taken = new Map<string, { manifest: Manifest; spec: unknown; problem: Problem | undefined }>();
  /** Mutations run one after another. */
  #last: Promise<unknown> = Promise.resolve();
  #graceMs = 0;
  #lastLook = performance.now();
  #synced = false;
  #closed = false;

  constructor(options: DirectoryStoreOptions) {
    this.#options = options;
    this.#registry = new Registry(options.stateDirectory);
    this.#scanner = new Scanner(options.directory);
    this.#absence = new Absence(options.directory);
    this.#report = new Report(options.onProblem, options.onMended ?? (() => undefined));
    this.#watch = new FolderWatch(options.directory, () => void this.#serially(() => this.#look()), options.log);
  }

  get objects(): ObjectView {
    return this.#registry.objects;
  }

  async follow(onChange: (change: Change) => void): Promise<void> {
    await this.#registry.load((change) => {
      onChange(change);
      // Its document may be there again: then it is made anew.
      if (change.deleted) this.#watch.soon();
    }, this.#options.log);
    const began = performance.now();
    for (let complete = false; !complete && !this.#closed;) {
      const { unsettled } = await this.#serially(() => this.#look());
      complete = this.#synced && (!unsettled || performance.now() - began > FIRST_LOOK_MS);
      if (!complete) await sleep(this.#synced ? QUIET_MS : RETRY_MS);
    }
    // What vanished while nobody followed is gone; from now on files may be on the move.
    this.#graceMs = GRACE_MS;
    this.#watch.start();
  }

  async apply<K extends Kind>({ kind, metadata, spec }: Desired<K>): Promise<Stored<K>> {
    const { owner, namespace, name, labels } = metadata;
    return this.#serially(async () => {
      const current = this.objects.get(kind, metadata);
      // As it goes over the wire: without fields that are undefined.
      const plain: unknown = JSON.parse(JSON.stringify(spec));
      const result = validate(kind, { name, spec: plain }, current);
      if ('refusal' in result)
        throw new Terminal('Rejected', `cannot apply ${nameOf({ kind, metadata })}: ${result.refusal}`);
      const reference = { apiVersion: API_VERSION, kind: owner.kind, name: owner.metadata.name };
      const meta = {
        namespace,
        name,
        labels: labels ? { ...current?.metadata.labels, ...labels } : current?.metadata.labels,
        annotations: current?.metadata.annotations,
        ownerReferences: [{ ...reference, uid: owner.metadata.uid, controller: true }],
      };
      return this.#registry.declare(kind, meta, result.spec);
    });
  }

  async create<K extends Kind>(kind: K, ref: Ref, spec: Spec<K>): Promise<Stored<K>> {
    return this.#serially(async () => {
      const name = nameOf({ kind, metadata: ref });
      if (this.objects.get(kind, ref)) throw new Terminal('AlreadyExists', `${name} already exists`);
      const plain: unknown = JSON.parse(JSON.stringify(spec));
      const result = validate(kind, { name: ref.name, spec: plain }, undefined);
      if ('refusal' in result) throw new Terminal('Rejected', `cannot create ${name}: ${result.refusal}`);
      const meta = { ...ref, labels: undefined, annotations: { [CREATED]: 'true' }, ownerReferences: undefined };
      return this.#registry.declare(kind, meta, result.spec);
    });
  }

  async put({ kind, metadata, spec }: Declared): Promise<Stored> {
    return this.#serially(async () => {
      const name = nameOf({ kind, metadata });
      const current = this.objects.get(kind, metadata);
      requireUnowned(current);
      const source = this.#registry.sourceOf(keyOf(kind, metadata));
      if (source !== undefined) throw new Terminal('Forbidden', `${name} is declared in ${source}: change it there`);
      if (current?.metadata.deletionTimestamp !== undefined) throw new Transient(`${name} is being deleted`);
      const result = validate(kind, { name: metadata.name, spec }, current);
      if ('refusal' in result) throw new Terminal('Rejected', `cannot apply ${name}: ${result.refusal}`);
      const annotations = { ...metadata.annotations, [CREATED]: 'true' };
      const meta = { ...metadata, labels: metadata.labels, annotations, ownerReferences: undefined };
      return this.#registry.declare(kind, meta, result.spec);
    });
  }

  async remove(object: Stored): Promise<void> {
    await this.#serially(() => this.#registry.markDeleted(object));
  }

  async patchStatus<K extends Kind>(object: Stored<K>, status: Status): Promise<Stored<K>> {
    return this.#serially(() => this.#registry.patchStatus(object, status));
  }

  async setFinalizers<K extends Kind>(object: Stored<K>, finalizers: readonly string[]): Promise<Stored<K>> {
    return this.#serially(() => this.#registry.setFinalizers(object, finalizers));
  }

  async readValue({ key, ...ref }: ValueRef): Promise<Uint8Array | undefined> {
    return this.#scanner.value(ref, key);
  }

  async note(object: Stored, note: Note): Promise<void> {
    this.#options.log.info({ key: nameOf(object), reason: note.reason }, note.message);
    this.#options.onNote?.(object, note);
  }

  health(): StoreHealth {
    return { synced: this.#synced, quietSeconds: (performance.now() - this.#lastLook) / 1000 };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#watch.close();
    await this.#last.catch(() => undefined);
  }

  /** Compares the files with what is in effect, and brings the latter in line; never rejects. */
  async #look(): Promise<{ unsettled: boolean }> {
    if (this.#closed) return { unsettled: false };
    let scan: Scan;
    try {
      scan = await this.#scanner.scan();
    } catch (error) {
      this.#report.update([{ file: this.#options.directory, message: `cannot be read: ${messageOf(error)}` }]);
      return this.#failed();
    }
    try {
      const problems = await this.#bringInLine(scan);
      this.#report.update([...scan.problems, ...problems]);
    } catch (error) {
      this.#options.log.error({ err: error }, 'what the files declare is not in effect, trying again');
      return this.#failed();
    }
    this.#synced = true;
    this.#lastLook = performance.now();
    if (scan.unsettled) this.#watch.within(QUIET_MS);
    return scan;
  }

  #failed(): { unsettled: boolean } {
    this.#synced = false;
    this.#watch.within(RETRY_MS);
    return { unsettled: true };
  }

  async #bringInLine(scan: Scan): Promise<Problem[]> {
    const { chosen, problems } = chooseManifests(scan, (key) => this.#registry.sourceOf(key), this.#options.directory);
    for (const [key, manifest] of chosen) {
      this.#absence.seen(key);
      const problem = await this.#take(key, manifest.kind, manifest);
      if (problem) problems.push(problem);
    }
    for (const key of this.#taken.keys()) if (!chosen.has(key)) this.#taken.delete(key);
    for (const object of kindNames.flatMap((kind) => this.objects.list(kind))) {
      const key = keyOf(object.kind, object.metadata);
      if (chosen.has(key) || needsNoFile(object) || object.metadata.deletionTimestamp !== undefined) continue;
      const remaining = this.#absence.remaining(key, this.#registry.sourceOf(key), scan, this.#graceMs);
      if (remaining === 0) await this.#registry.markDeleted(object);
      else if (remaining !== undefined) this.#watch.within(remaining + 1);
    }
    return problems;
  }

  async #take<K extends Kind>(key: string, kind: K, manifest: Manifest): Promise<Problem | undefined> {
    const current = this.objects.get(kind, manifest);
    // It is made anew when it is gone: that is when its finalizers are, and then the store looks again.
    if (current?.metadata.deletionTimestamp !== undefined) return undefined;
    const taken = this.#taken.get(key);
    if (taken?.manifest === manifest && taken.spec === current?.spec) return taken.problem;
    const { file, name, namespace, labels, annotations } = manifest;
    const owner = current && ownerOf(current);
    const result = owner
      ? { path: [], refusal: `${owner.kind} ${owner.name} makes it; declare it there` }
      : validate(kind, manifest, current);
    if ('refusal' in result) {
      const kept = current ? ' (what was declared before stays in effect)' : '';
      const message = `${kind} ${name} is not in effect: ${result.refusal}${kept}`;
      const problem = { file, line: manifest.lineOf(result.path), message };
      this.#taken.set(key, { manifest, spec: current?.spec, problem });
      return problem;
    }
    const meta = { namespace, name, labels, annotations, ownerReferences: undefined };
    const source = relative(this.#options.directory, file);
    const { spec } = await this.#registry.declare(kind, meta, result.spec, source);
    this.#taken.set(key, { manifest, spec, problem: undefined });
    return undefined;
  }

  #serially<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.then(work, work);
    this.#last = next;
    return next;
  }
}

/** True for an object that is there without a file that declares it. */
function needsNoFile(object: Stored): boolean {
  return ownerOf(object) !== undefined || object.metadata.annotations?.[CREATED] !== undefined;
}
