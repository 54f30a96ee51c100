/** The files of a project, a stage or a service. */
import { basename } from 'node:path/posix';
import { Terminal } from '../../lib/errors/classes.ts';
import type { FileChange, GitStore, LogPage } from '../../lib/git/port.ts';
import { MAIN_BRANCH } from '../../lib/model/names.ts';
import { commitText, type Origin } from './cause.ts';
import { chartFolder, packChart, unpackChart } from '../../lib/chart/archive.ts';
import type { Precondition } from './preconditions.ts';
import { notFound, noTarget, Refusal, saying } from './refusal.ts';
import { branchOf, METADATA, prefixOf, type Place } from './repository.ts';

/** A file to write; `field` is where its content was in the request, for refusals. */
export interface Upload {
  uri: string;
  content: Uint8Array;
  field: string;
}

/** What is at a place in one version, with its ETag: Git's id of the file or folder. */
export interface Found<T> {
  id: string;
  /** Read when it is asked for: the client may have it already. */
  load: () => Promise<T>;
}

export class Resources {
  readonly #git: GitStore;

  constructor(git: GitStore) {
    this.#git = git;
  }

  /**
   * One commit for all; the commit that the branch is at then. A precondition is about the one resource that is
   * written, or about the folder when `many`.
   */
  async write(
    place: Place,
    uploads: readonly Upload[],
    line: string,
    origin: Origin,
    { condition, many = false }: { condition?: Precondition; many?: boolean } = {},
  ): Promise<string> {
    const prefix = prefixOf(place);
    const changes: FileChange[] = [];
    for (const { uri, content, field } of uploads) {
      const folder = chartFolder(uri);
      if (folder === undefined) {
        changes.push({ path: prefix + uri, content });
        continue;
      }
      // The chart is what the archive has: a file that it lacks goes away.
      changes.push({ path: prefix + folder, content: null });
      for (const file of await unpackChart(content, field)) {
        changes.push({ path: `${prefix}${folder}/${file.path}`, content: file.content });
      }
    }
    await this.#requirePlace(place);
    const [first] = uploads;
    const path = many || !first ? (place.service ?? '') : pathOf(place, first.uri);
    const work = this.#git.commit(place.project, {
      branch: branchOf(place),
      changes,
      present: place.service === undefined ? [] : [`${place.service}/${METADATA}`],
      expected: condition ? [{ path, ...condition }] : [],
      ...commitText(line, origin),
    });
    return (await saying(work, { NotFound: noPlace(place), PreconditionFailed: changed(path) })).commit;
  }

  /** The ETag of a resource in a version. */
  async tagOf(place: Place, uri: string, commit: string): Promise<string | undefined> {
    return this.#git.idOf(place.project, commit, pathOf(place, uri));
  }

  /** URIs begin with a slash, as in an installation of 0.6.2, whose helm-service needs it. */
  async list(place: Place, commit?: string): Promise<Found<string[]>> {
    const prefix = prefixOf(place);
    const missing = missingPlace(place, 'list');
    const version = await this.#versionOf(place, commit, missing);
    const id = await saying(this.#git.idOf(place.project, version, place.service ?? ''), { NotFound: missing });
    const isService = place.service === undefined || (await this.#has(place, version, METADATA));
    if (id === undefined || !isService) throw missing;
    const load = async (): Promise<string[]> => {
      const entries = await this.#git.tree(place.project, version, place.service ?? '');
      return entries.map(({ path }) => `/${path.slice(prefix.length)}`);
    };
    return { id, load };
  }

  async read(place: Place, uri: string, commit?: string): Promise<Found<Uint8Array>> {
    const missing = missingPlace(place, 'one');
    // Of one commit, whatever is written meanwhile.
    const version = await this.#versionOf(place, commit, missing);
    const { project } = place;
    const file = prefixOf(place) + uri;
    const content = await saying(this.#git.read(project, version, file), { NotFound: missing });
    if (content) return { id: (await this.#git.idOf(project, version, file)) ?? '', load: async () => content };
    const folder = chartFolder(uri);
    const id = folder === undefined ? undefined : await this.#git.idOf(project, version, prefixOf(place) + folder);
    if (folder !== undefined && id !== undefined) {
      return { id, load: () => this.#pack(project, version, prefixOf(place) + folder) };
    }
    if (place.service !== undefined && !(await this.#has(place, version, METADATA))) throw missing;
    throw noResource(place);
  }

  async #pack(project: string, version: string, folder: string): Promise<Uint8Array> {
    const files = [];
    for (const { path } of await this.#git.tree(project, version, folder)) {
      const file = await this.#git.read(project, version, path);
      if (file) files.push({ path: path.slice(folder.length + 1), content: file });
    }
    return packChart(basename(folder), files);
  }

  async #versionOf(place: Place, commit: string | undefined, missing: Refusal): Promise<string> {
    this.#refuseMain(place, missing);
    return commit ?? (await saying(this.#git.head(place.project, branchOf(place)), { NotFound: missing }));
  }

  async #has(place: Place, version: string, uri: string): Promise<boolean> {
    return (await this.#git.idOf(place.project, version, prefixOf(place) + uri)) !== undefined;
  }

  /** The commits that changed a resource, also one that is gone. */
  async history(place: Place, uri: string, limit: number, after: string | undefined): Promise<LogPage> {
    const missing = missingPlace(place, 'one');
    const version = await this.#versionOf(place, undefined, missing);
    const page = await this.#git.log(place.project, version, { limit, after, path: pathOf(place, uri) });
    const isNever = page.entries.length === 0 && page.next === undefined && after === undefined;
    if (isNever) throw noResource(place);
    return page;
  }

  async remove(place: Place, uri: string, origin: Origin, condition?: Precondition): Promise<string> {
    if (uri === METADATA) throw new Terminal('ReservedUri', `${METADATA} belongs to Keptn and cannot be deleted`);
    const missing = missingPlace(place, 'one');
    this.#refuseMain(place, missing);
    await saying(this.#git.head(place.project, branchOf(place)), { NotFound: missing });
    const path = pathOf(place, uri);
    const files = await this.#git.tree(place.project, branchOf(place), path);
    // A folder is no resource, unless a chart's archive stands for it.
    const isResource = chartFolder(uri) !== undefined ? files.length > 0 : files.length === 0;
    if (!isResource) throw noResource(place);
    const work = this.#git.commit(place.project, {
      branch: branchOf(place),
      changes: [{ path, content: null }],
      present: [path],
      expected: condition ? [{ path, ...condition }] : [],
      ...commitText('Deleted resources', origin),
    });
    return (await saying(work, { NotFound: noResource(place), PreconditionFailed: changed(uri) })).commit;
  }

  /** For the sentence alone: that the place is there when the commit's turn comes, the commit itself sees to. */
  async #requirePlace(place: Place): Promise<void> {
    const { project, stage, service } = place;
    if (!(await this.#git.exists(project))) {
      throw noTarget(service === undefined ? 'Project does not exist' : `Project ${project} does not exist`);
    }
    if (stage === undefined) return;
    const sentence = `Stage ${stage} does not exist within project ${project}`;
    const missing = noTarget(service === undefined ? 'Stage does not exist' : sentence);
    this.#refuseMain(place, missing);
    await saying(this.#git.head(project, stage), { NotFound: missing });
  }

  /** `master` is the project's branch, not a stage. */
  #refuseMain({ stage }: Place, missing: Refusal): void {
    if (stage === MAIN_BRANCH) throw missing;
  }
}

/** A chart's archive is a folder in Git. */
const pathOf = (place: Place, uri: string): string => prefixOf(place) + (chartFolder(uri) ?? uri);

const changed = (path: string): Refusal =>
  new Refusal(
    412,
    'PreconditionFailed',
    `${path || 'the folder'} is not as the request expects it: read it again, and send the ETag that you get`,
  );

function noPlace({ project, stage, service }: Place): Refusal {
  if (service !== undefined) {
    return noTarget(`Service ${service} does not exist within stage ${stage} of project ${project}`);
  }
  return noTarget(stage === undefined ? 'Project does not exist' : 'Stage does not exist');
}

/** 0.6.2 calls the same thing by different names when one resource and when all are read. */
function missingPlace({ stage, service }: Place, asked: 'one' | 'list'): Refusal {
  if (service !== undefined) return notFound('Service not found');
  if (stage !== undefined && asked === 'list') return notFound('Stage does not exist');
  return notFound('Project not found');
}

function noResource({ stage, service }: Place): Refusal {
  if (service !== undefined) return notFound('Service resource not found');
  return notFound(stage === undefined ? 'Project resource not found' : 'Stage resource not found');
}
