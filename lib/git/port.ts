/**
 * Git as the configuration-service needs it: repositories (one a project), branches, whole-file changes and reads.
 * Nothing here is a Git command, so that an adapter may be a fast writer, a library or the git program.
 *
 * Paths are relative, with `/`, and have been validated by the caller (`resourceUri`). An object id is 40 hex digits.
 */

/**
 * One file to write, or, when `content` is null, a file or a whole folder to remove. Removing what is not there is
 * no change.
 */
export interface FileChange {
  path: string;
  content: Uint8Array | null;
}

export interface Author {
  name: string;
  email: string;
}

export interface CommitRequest {
  branch: string;
  /** Applied in order: a folder can be removed and filled anew in one commit. */
  changes: readonly FileChange[];
  /** First line, blank line, body and trailers, as Git has them. */
  message: string;
  author: Author;
  /** The branch must still be at this commit, or `HeadMoved` is thrown. */
  expectedHead?: string;
  /** Files or folders that must be there when it is this commit's turn, or `NotFound` is thrown. */
  present?: readonly string[];
  /** Files or folders that must not be there, or `AlreadyExists` is thrown. */
  absent?: readonly string[];
  /** What paths must lead to when it is this commit's turn, or `PreconditionFailed` is thrown. */
  expected?: readonly Expectation[];
  /** A commit that the changes bring in, the second parent: a commit is made even when no file changes. */
  mergeOf?: string | undefined;
}

/**
 * `id`: of the file or folder at `path` ('' for the top folder); null when nothing may be there, undefined when anything
 * may, but something must.
 */
export interface Expectation {
  path: string;
  id: string | null | undefined;
}

export interface CommitResult {
  /** The branch's head after the call. */
  commit: string;
  /** False when every file had its content already: no commit was made and `commit` is the old head. */
  changed: boolean;
}

export interface TreeEntry {
  path: string;
  /** Object id of the blob: equal content has equal id. */
  id: string;
}

/** A file that two versions do not have in common: its ids there, null where it is missing. */
export interface Difference {
  path: string;
  from: string | null;
  to: string | null;
}

export interface LogRequest {
  limit: number;
  /** Only commits that changed this file or folder. */
  path?: string | undefined;
  /** `next` of the page before. */
  after?: string | undefined;
}

export interface LogPage {
  entries: LogEntry[];
  /** Where the next page begins; undefined at the end. A page may have fewer entries than asked for, or none. */
  next?: string;
}

export interface LogEntry {
  commit: string;
  message: string;
  author: Author;
  /** Seconds since 1970. */
  time: number;
}

/** What the first commit of a repository is made of. */
export type FirstCommit = Pick<CommitRequest, 'changes' | 'message' | 'author'>;

/**
 * Every method rejects with `Waiting('NotFound')` when the repository, branch or commit is unknown.
 * A resolved `commit`, `createBranch`, `removeBranch`, `create` or `remove` survives a crash of the process and of the
 * machine.
 */
export interface GitStore {
  /** Names of all repositories, sorted. */
  repositories(): Promise<string[]>;
  exists(repository: string): Promise<boolean>;
  /** Makes a repository whose branch `master` has one commit; `AlreadyExists` when it is there. */
  create(repository: string, first: FirstCommit): Promise<string>;
  /**
   * Makes a repository of what the git program is told to put into an empty one, whose folder `fill` gets;
   * `AlreadyExists` when it is there. A crash, or an error of `fill`, leaves none.
   */
  adopt(repository: string, fill: (folder: string) => Promise<void>): Promise<void>;
  /** Removes a repository whole; false when there was none. A crash leaves it whole or gone. */
  remove(repository: string): Promise<boolean>;
  /** Branch names, sorted. */
  branches(repository: string): Promise<string[]>;
  /** The commit that a branch points to. */
  head(repository: string, branch: string): Promise<string>;
  /** Makes `branch` at the head of the branch `from`, or at the commit `from`; `AlreadyExists` when it is there. */
  createBranch(repository: string, branch: string, from: string): Promise<string>;
  /** Moves a branch from one commit to another that the git program has brought; `HeadMoved` when it is not at `from`. */
  moveBranch(repository: string, branch: string, from: string, to: string): Promise<void>;
  /** False when there was none. */
  removeBranch(repository: string, branch: string): Promise<boolean>;
  /** One commit for all changes; writers of one branch take turns, readers do not wait. */
  commit(repository: string, request: CommitRequest): Promise<CommitResult>;
  /** `ref`: branch or commit id. Undefined when there is no such file. */
  read(repository: string, ref: string, path: string): Promise<Uint8Array | undefined>;
  /** All files below the folder `prefix` ('' for all), sorted by path. */
  tree(repository: string, ref: string, prefix?: string): Promise<TreeEntry[]>;
  /** Object id of the file or folder at `path` ('' for the top folder); equal content has equal id. */
  idOf(repository: string, ref: string, path: string): Promise<string | undefined>;
  /** The files below `prefix` ('' for all) that differ between two branches or commits, sorted by path. */
  diff(repository: string, from: string, to: string, prefix?: string): Promise<Difference[]>;
  /** The commits reachable from `ref`, newest first. */
  log(repository: string, ref: string, request: LogRequest): Promise<LogPage>;
  /** The bare repository's folder, for the git program: to be read, and to bring objects and refs outside refs/heads. */
  folder(repository: string): Promise<string>;
  /** Tells of each repository one of whose branches has moved, after its writer was answered. */
  onMove(listener: (repository: string) => void): void;
  /** Refuses new calls and waits for running commits. */
  close(): Promise<void>;
}
