/**
 * One bare repository: what it has, and what its writers add. Writers queue up; all that wait when a round begins are
 * planned one after the other in memory (each with its own commit), written in one go, and answered together.
 */
import { Terminal, Transient, Waiting } from '../../errors/classes.ts';
import type { CommitRequest, CommitResult } from '../port.ts';
import { isCommitId } from './commit-text.ts';
import { syncFileSystem } from './durable-files.ts';
import { Journal, type JournalRecord } from './journal.ts';
import { Refs } from './refs.ts';
import type { EncodedObject } from './object-encoding.ts';
import type { Packing } from './packing.ts';
import { planCommit } from './plan.ts';
import { replay } from './replay.ts';
import { Snapshots, type Caches } from './snapshots.ts';

/** Bounds the memory of a round and the wait of its first writer. */
const ROUND_WRITERS = 64;

/** What the writers of a round have decided so far. */
interface Round {
  heads: Map<string, { from: string | undefined; to: string | null }>;
  records: JournalRecord[];
  objects: EncodedObject[];
}

/** What a writer wants: `to` is where its branch goes, null to remove it, undefined to leave it. */
interface Decision<T> {
  result: T;
  to?: string | null | undefined;
  record?: Pick<JournalRecord, 'commit' | 'contents'> | undefined;
}

interface Writer {
  branch: string;
  /** Adds to the round, all or nothing; what it gives back answers the writer when the round is stored. */
  plan(round: Round): Promise<() => void>;
  reject(error: unknown): void;
}

export interface RepositorySettings {
  name: string;
  folder: string;
  durable: boolean;
  boot: string;
  caches: Caches;
  packing: Packing;
  /** Called with the name after a round of writers has been answered. */
  moved: (name: string) => void;
}

export class Repository {
  readonly name: string;
  readonly folder: string;
  readonly refs: Refs;
  readonly snapshots: Snapshots;
  /** Why the repository cannot be used: its journal could not be replayed. */
  failure: Error | undefined;
  readonly #journal: Journal;
  readonly #durable: boolean;
  readonly #packing: Packing;
  readonly #moved: (name: string) => void;
  readonly #queue: Writer[] = [];
  #running: Promise<void> | undefined;
  #closed = false;

  constructor({ name, folder, durable, boot, caches, packing, moved }: RepositorySettings) {
    this.name = name;
    this.folder = folder;
    this.refs = new Refs(folder);
    this.snapshots = new Snapshots(folder, caches);
    this.#journal = new Journal(folder, boot);
    this.#durable = durable;
    this.#packing = packing;
    this.#moved = moved;
  }

  /** Cleans up after a crash and makes again what the journal has and the folder has not. */
  async recover(): Promise<void> {
    await this.refs.clean();
    await this.snapshots.objects.clean();
    await this.#packing.opened(this.folder);
    const records = await this.#journal.replay();
    if (records.length === 0) return;
    await replay(records, this.refs, this.snapshots);
    await this.#journal.close();
  }

  head(branch: string): string {
    const head = this.refs.read(branch);
    if (head === undefined) throw this.#noBranch(branch);
    return head;
  }

  async commit(request: CommitRequest): Promise<CommitResult> {
    if (request.mergeOf !== undefined) await this.#secure(request.mergeOf);
    return this.#write<CommitResult>(request.branch, async (round, from) => {
      if (from === undefined) throw this.#noBranch(request.branch);
      if (request.expectedHead !== undefined && request.expectedHead !== from) {
        throw new Terminal('HeadMoved', `${request.branch} is at ${from}, not at ${request.expectedHead}`);
      }
      const plan = await planCommit(this.snapshots, from, request, Math.floor(Date.now() / 1000));
      if (!plan) return { result: { commit: from, changed: false } };
      round.objects.push(...plan.objects);
      return { result: { commit: plan.id, changed: true }, to: plan.id, record: plan.record };
    });
  }

  /** `from`: a branch, or the id of a commit, which the git program may have brought. */
  async createBranch(branch: string, from: string): Promise<string> {
    if (isCommitId(from)) await this.#secure(from);
    return this.#write(branch, async (round, old) => {
      const to = isCommitId(from) ? from : this.#headIn(round, from);
      if (to === undefined) throw this.#noBranch(from);
      if (old !== undefined) throw new Terminal('AlreadyExists', `branch ${branch} is there already`);
      return { result: to, to };
    });
  }

  async moveBranch(branch: string, from: string, to: string): Promise<void> {
    await this.#secure(to);
    return this.#write(branch, async (_round, old) => {
      if (old === undefined) throw this.#noBranch(branch);
      if (old !== from) throw new Terminal('HeadMoved', `${branch} is at ${old}, not at ${from}`);
      return { result: undefined, to };
    });
  }

  removeBranch(branch: string): Promise<boolean> {
    return this.#write(branch, async (_round, old) =>
      old === undefined ? { result: false } : { result: true, to: null },
    );
  }

  /** Refuses new writers, waits for those that are there, and leaves no journal behind. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
    await this.#packing.closed(this.folder);
    this.snapshots.objects.close();
    // What could not be replayed must be there for whoever repairs it.
    if (!this.failure) await this.#journal.close();
  }

  /** What the git program has brought is in no journal: it must be on the disk before a branch leads to it. */
  async #secure(commit: string): Promise<void> {
    await this.snapshots.commit(commit);
    if (this.#durable) await syncFileSystem(this.folder);
  }

  #headIn(round: Round, branch: string): string | undefined {
    return round.heads.has(branch) ? (round.heads.get(branch)?.to ?? undefined) : this.refs.read(branch);
  }

  #write<T>(branch: string, decide: (round: Round, from: string | undefined) => Promise<Decision<T>>): Promise<T> {
    if (this.#closed) return Promise.reject(new Waiting('NotFound', `repository ${this.name} is being removed`));
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const plan = async (round: Round): Promise<() => void> => {
      const from = this.#headIn(round, branch);
      const { result, to, record = { contents: [] } } = await decide(round, from);
      if (to !== undefined) {
        round.records.push({ branch, from: from ?? null, to, ...record });
        const first = round.heads.get(branch);
        round.heads.set(branch, { from: first ? first.from : from, to });
      }
      return () => resolve(result);
    };
    this.#queue.push({ branch, plan, reject });
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
    return promise;
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      const writers = this.#queue.splice(0, ROUND_WRITERS);
      const round: Round = { heads: new Map(), records: [], objects: [] };
      const planned: { writer: Writer; answer: () => void }[] = [];
      for (const writer of writers) {
        try {
          planned.push({ writer, answer: await writer.plan(round) });
        } catch (error) {
          writer.reject(error);
        }
      }
      let stored = false;
      try {
        const failures = await this.#store(round);
        stored = true;
        for (const { writer, answer } of planned) {
          if (failures.has(writer.branch)) writer.reject(failures.get(writer.branch));
          else answer();
        }
      } catch (error) {
        for (const { writer } of planned) writer.reject(error);
      } finally {
        this.snapshots.endRound(stored);
      }
      if (round.records.length > 0) this.#moved(this.name);
    }
  }

  /** Gives the branches that could not be moved, each with the reason. */
  async #store(round: Round): Promise<Map<string, unknown>> {
    const failures = new Map<string, unknown>();
    if (round.records.length === 0) return failures;
    const objects = new Map(round.objects.map((object) => [object.id, object]));
    // Both in any order: no ref leads to an object before both are done.
    const writes = [...objects.values()].map((object) => this.snapshots.objects.write(object));
    if (this.#durable) writes.push(this.#journal.append(round.records));
    const done = await Promise.allSettled(writes);
    for (const outcome of done) if (outcome.status === 'rejected') throw outcome.reason;
    for (const [branch, { from, to }] of round.heads) {
      if (from === (to ?? undefined)) continue;
      try {
        if (await this.refs.move(branch, from, to)) continue;
        failures.set(branch, new Transient(`another program has moved ${branch} of ${this.name}: try again`));
      } catch (error) {
        failures.set(branch, error);
      }
    }
    await this.#journal.checkpointIfFull();
    this.#packing.wrote(this.folder, objects.size);
    return failures;
  }

  #noBranch(branch: string): Waiting {
    return new Waiting('NotFound', `repository ${this.name} has no branch ${branch}`);
  }
}
