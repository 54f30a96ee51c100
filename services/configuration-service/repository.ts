/** Projects, stages and services on Git: a repository a project, a branch a stage, a folder with metadata a service. */
import { stringify } from 'yaml';
import type { Difference, GitStore } from '../../lib/git/port.ts';
import { FieldError } from '../../lib/http/validate.ts';
import { MAIN_BRANCH } from '../../lib/model/names.ts';
import { commitText, type Origin } from './cause.ts';
import { exists, notFound, noTarget, saying } from './refusal.ts';
import type { Upstream } from './upstream/credentials.ts';
import type { ShownUpstream, Upstreams } from './upstream/upstreams.ts';

export const METADATA = 'metadata.yaml';

/** Where resources are: on master, on a stage's branch, or in a service's folder there. */
export interface Place {
  project: string;
  stage?: string | undefined;
  service?: string | undefined;
}

export const branchOf = ({ stage }: Place): string => stage ?? MAIN_BRANCH;
export const prefixOf = ({ service }: Place): string => (service === undefined ? '' : `${service}/`);

export class Projects {
  readonly git: GitStore;
  readonly #upstreams: Upstreams;

  constructor(git: GitStore, upstreams: Upstreams) {
    this.git = git;
    this.#upstreams = upstreams;
  }

  /** The files that differ between two stages, `master` or commits; of one service when it is named. */
  async compare(project: string, from: string, to: string, service = ''): Promise<Difference[]> {
    await this.require(project);
    for (const ref of [from, to]) {
      const missing = notFound(`There is no stage and no commit ${ref}`);
      await saying(this.git.idOf(project, ref, ''), { NotFound: missing, InvalidField: missing });
    }
    return this.git.diff(project, from, to, service);
  }

  list(): Promise<string[]> {
    return this.git.repositories();
  }

  async create(project: string, origin: Origin, upstream: Upstream | undefined): Promise<void> {
    const changes = [{ path: METADATA, content: metadata({ projectname: project }) }];
    const first = { changes, ...commitText('Added metadata.yaml', origin) };
    await saying(this.#upstreams.create(project, first, upstream), { AlreadyExists: exists('Project already exists') });
  }

  /** `upstream`: null for none, undefined to leave it. */
  async update(project: string, upstream: Upstream | null | undefined): Promise<void> {
    await this.require(project);
    if (upstream !== undefined) await this.#upstreams.set(project, upstream);
  }

  /** What the project follows, and how it stands to it; undefined when it follows nothing. */
  async upstream(project: string): Promise<ShownUpstream | undefined> {
    await this.require(project);
    return this.#upstreams.show(project);
  }

  async remove(project: string): Promise<void> {
    if (!(await this.#upstreams.remove(project))) throw notFound('Project not found');
  }

  async require(project: string): Promise<void> {
    if (!(await this.git.exists(project))) throw notFound('Project not found');
  }

  async stages(project: string): Promise<string[]> {
    const branches = await saying(this.git.branches(project), { NotFound: notFound('Project not found') });
    return branches.filter((branch) => branch !== MAIN_BRANCH);
  }

  async createStage(project: string, stage: string): Promise<void> {
    if (stage === MAIN_BRANCH) {
      throw new FieldError(605, `stageName in body must not be ${MAIN_BRANCH}: that is the project's own branch`);
    }
    if (!(await this.git.exists(project))) throw noTarget('Project does not exist.');
    await saying(this.git.createBranch(project, stage, await this.#upstreams.startOf(project, stage)), {
      AlreadyExists: exists('Stage already exists'),
      NotFound: noTarget('Project does not exist.'),
    });
  }

  async requireStage(project: string, stage: string): Promise<void> {
    await this.require(project);
    const missing = notFound('Stage not found');
    if (stage === MAIN_BRANCH) throw missing;
    await saying(this.git.head(project, stage), { NotFound: missing });
  }

  async removeStage(project: string, stage: string): Promise<void> {
    await this.requireStage(project, stage);
    if (!(await this.git.removeBranch(project, stage))) throw notFound('Stage not found');
  }

  /** The folders at the top of the branch that have metadata. */
  async services(project: string, stage: string, ref = stage): Promise<string[]> {
    await this.requireStage(project, stage);
    const files = await saying(this.git.tree(project, ref), { NotFound: notFound('Stage not found') });
    return files.flatMap(({ path }) => {
      const [folder, file, ...rest] = path.split('/');
      return folder !== undefined && file === METADATA && rest.length === 0 ? [folder] : [];
    });
  }

  async createService(project: string, stage: string, service: string, origin: Origin): Promise<void> {
    if (!(await this.git.exists(project))) throw noTarget('Project does not exist.');
    const noStage = noTarget(`Stage ${stage} does not exist.`);
    if (stage === MAIN_BRANCH) throw noStage;
    const path = `${service}/${METADATA}`;
    const content = metadata({ servicename: service });
    await saying(
      this.git.commit(project, {
        branch: stage,
        changes: [{ path, content }],
        absent: [path],
        ...commitText(`Added service: ${service}`, origin),
      }),
      { AlreadyExists: exists('Service already exists'), NotFound: noStage },
    );
  }

  async requireService(project: string, stage: string, service: string): Promise<void> {
    await this.requireStage(project, stage);
    const found = await this.git.read(project, stage, `${service}/${METADATA}`);
    if (!found) throw notFound('Service not found');
  }

  async removeService(project: string, stage: string, service: string, origin: Origin): Promise<void> {
    await this.requireStage(project, stage);
    await saying(
      this.git.commit(project, {
        branch: stage,
        changes: [{ path: service, content: null }],
        present: [`${service}/${METADATA}`],
        ...commitText(`Deleted service: ${service}`, origin),
      }),
      { NotFound: notFound('Service not found') },
    );
  }

  /** The stages that have the service. */
  async stagesWith(project: string, service: string): Promise<string[]> {
    const found: string[] = [];
    for (const stage of await this.stages(project)) {
      if (await this.git.read(project, stage, `${service}/${METADATA}`)) found.push(stage);
    }
    if (found.length === 0) throw notFound('Service not found');
    return found;
  }
}

function metadata(names: Record<string, string>): Uint8Array {
  return Buffer.from(stringify({ ...names, creationtimestamp: new Date().toISOString() }));
}
