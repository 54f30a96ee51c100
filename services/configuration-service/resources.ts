/** The files of a project, a stage or a service. */
import { basename } from 'node:path/posix';
import { Terminal } from '../../lib/errors/classes.ts';
import type { FileChange, GitStore } from '../../lib/git/port.ts';
import { MAIN_BRANCH } from '../../lib/model/names.ts';
import { commitText, type Origin } from './cause.ts';
import { chartFolder, packChart, unpackChart } from './chart.ts';
import { notFound, noTarget, saying, type Refusal } from './refusal.ts';
import { branchOf, METADATA, prefixOf, type Place } from './repository.ts';

/** A file to write; `field` is where its content was in the request, for refusals. */
export interface Upload {
  uri: string;
  content: Uint8Array;
  field: string;
}

export class Resources {
  readonly #git: GitStore;

  constructor(git: GitStore) {
    this.#git = git;
  }

  /** One commit for all; the commit that the branch is at then. */
  async write(place: Place, uploads: readonly Upload[], line: string, origin: Origin): Promise<string> {
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
    const work = this.#git.commit(place.project, {
      branch: branchOf(place),
      changes,
      present: place.service === undefined ? [] : [`${place.service}/${METADATA}`],
      ...commitText(line, origin),
    });
    return (await saying(work, { NotFound: noPlace(place) })).commit;
  }

  /** URIs begin with a slash, as in an installation of 0.6.2, whose helm-service needs it. */
  async list(place: Place, commit?: string): Promise<string[]> {
    const prefix = prefixOf(place);
    const missing = missingPlace(place, 'list');
    this.#refuseMain(place, missing);
    const ref = commit ?? branchOf(place);
    const entries = await saying(this.#git.tree(place.project, ref, place.service ?? ''), { NotFound: missing });
    if (place.service !== undefined && !entries.some(({ path }) => path === prefix + METADATA)) throw missing;
    return entries.map(({ path }) => `/${path.slice(prefix.length)}`);
  }

  async read(place: Place, uri: string, commit?: string): Promise<Uint8Array> {
    const prefix = prefixOf(place);
    const missing = missingPlace(place, 'one');
    this.#refuseMain(place, missing);
    const ref = commit ?? branchOf(place);
    const { project } = place;
    const content = await saying(this.#git.read(project, ref, prefix + uri), { NotFound: missing });
    if (content) return content;
    const folder = chartFolder(uri);
    if (folder !== undefined) {
      const at = `${prefix}${folder}`;
      // Of one commit, whatever is written meanwhile.
      const head = commit ?? (await this.#git.head(project, ref));
      const files = [];
      for (const { path } of await this.#git.tree(project, head, at)) {
        const file = await this.#git.read(project, head, path);
        if (file) files.push({ path: path.slice(at.length + 1), content: file });
      }
      if (files.length > 0) return packChart(basename(folder), files);
    }
    if (place.service !== undefined && !(await this.#git.read(project, ref, prefix + METADATA))) throw missing;
    throw noResource(place);
  }

  async remove(place: Place, uri: string, origin: Origin): Promise<string> {
    if (uri === METADATA) throw new Terminal('ReservedUri', `${METADATA} belongs to Keptn and cannot be deleted`);
    const missing = missingPlace(place, 'one');
    this.#refuseMain(place, missing);
    await saying(this.#git.head(place.project, branchOf(place)), { NotFound: missing });
    const path = prefixOf(place) + (chartFolder(uri) ?? uri);
    const files = await this.#git.tree(place.project, branchOf(place), path);
    // A folder is no resource, unless a chart's archive stands for it.
    const isResource = chartFolder(uri) !== undefined ? files.length > 0 : files.length === 0;
    if (!isResource) throw noResource(place);
    const work = this.#git.commit(place.project, {
      branch: branchOf(place),
      changes: [{ path, content: null }],
      present: [path],
      ...commitText('Deleted resources', origin),
    });
    return (await saying(work, { NotFound: noResource(place) })).commit;
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
