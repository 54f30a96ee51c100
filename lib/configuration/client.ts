/** A client of the configuration-service: the calls of its REST contract that reconcilers, services and the api make. */
import { z } from 'zod';
import { messageOf, Terminal, Transient, Waiting } from '../errors/classes.ts';
import { isCode } from '../errors/codes.ts';
import { withDeadline } from '../errors/deadline.ts';
import { causeHeaders, type Cause } from '../http/cause.ts';
import { requesting } from '../observe/http-span.ts';

const DEADLINE_MS = 20_000;
const MAX_PAGES = 200;

/** Where a resource is: `project`, then a stage, a service of a stage, or neither. */
export interface Place {
  project: string;
  stage?: string;
  service?: string;
}

/** A repository elsewhere. */
export interface Upstream {
  url: string;
  user: string;
  token: string;
}

const projectSchema = z.object({
  upstream: z.object({
    state: z.enum(['Synced', 'Pending', 'Failed']),
    code: z.string().refine(isCode).optional(),
    message: z.string().optional(),
  }),
});
export type UpstreamState = z.infer<typeof projectSchema>['upstream'];

const resourceSchema = z.object({ resourceContent: z.base64() });
const pageSchema = z.object({
  nextPageKey: z.string().nullish(),
  stages: z.array(z.object({ stageName: z.string() })).nullish(),
  resources: z.array(z.object({ resourceURI: z.string() })).nullish(),
});
type Page = z.infer<typeof pageSchema>;

const versionSchema = z.object({ version: z.string() });
const errorSchema = z.object({ message: z.string() });

/** The answer to a call that may find nothing, or find its work done. */
type Answer = { status: number; message: string; body: unknown };

export class Configuration {
  readonly #base: string;
  readonly #author: string;

  /** `url`: of the service, without `/v1`; `author`: of the commits, `name <address>`. */
  constructor(url: string, author: string) {
    this.#author = author;
    this.#base = `${url.replace(/\/$/, '')}/v1`;
  }

  /** Makes the project unless it is there. `upstream`: what it has to follow, null for nothing, undefined for as is. */
  async ensureProject(project: string, upstream: Upstream | null | undefined, cause?: Cause): Promise<void> {
    const { url = '', user = '', token = '' } = upstream ?? {};
    const body = { projectName: project, gitRemoteURI: url, gitUser: user, gitToken: token };
    try {
      await this.#ensure(['project'], project, upstream ? body : { projectName: project }, cause);
      if (upstream === undefined) return;
      const answer = await this.#call('PUT', ['project', project], body, cause);
      if (answer.status >= 400) throw refusal(answer);
    } catch (error) {
      // The token, or what is at the other end, may change without a change of the declaration.
      if (upstream && error instanceof Terminal) throw new Waiting(error.code, error.message, { cause: error });
      throw error;
    }
  }

  /** How the project stands to its upstream, after taking in what that has. */
  async upstream(project: string): Promise<UpstreamState> {
    const answer = await this.#call('GET', ['project', project]);
    if (answer.status >= 400) throw refusal(answer);
    return projectSchema.parse(answer.body).upstream;
  }

  async ensureStage(project: string, stage: string, cause?: Cause): Promise<void> {
    await this.#ensure(['project', project, 'stage'], stage, { stageName: stage }, cause);
  }

  async ensureService(project: string, stage: string, service: string, cause?: Cause): Promise<void> {
    await this.#ensure(['project', project, 'stage', stage, 'service'], service, { serviceName: service }, cause);
  }

  /** Writes one file; the commit that has it, an older one when it was there already. */
  async write(place: Place, uri: string, content: Uint8Array, cause?: Cause): Promise<string> {
    const body = { resourceURI: uri, resourceContent: Buffer.from(content).toString('base64') };
    const answer = await this.#call('PUT', [...pathOf(place), 'resource', uri], body, cause);
    if (answer.status >= 400) throw refusal(answer);
    return versionSchema.parse(answer.body).version;
  }

  /** Writes files in one commit; the commit that the branch is at then. */
  async writeAll(place: Place, files: ReadonlyMap<string, string>, cause?: Cause): Promise<string> {
    const resources = [...files].map(([resourceURI, content]) => ({
      resourceURI,
      resourceContent: Buffer.from(content).toString('base64'),
    }));
    const answer = await this.#call('PUT', [...pathOf(place), 'resource'], { resources }, cause);
    if (answer.status >= 400) throw refusal(answer);
    return versionSchema.parse(answer.body).version;
  }

  /** The content of a file, as it is now or at a commit; undefined when it, or what it belongs to, is not there. */
  async read(place: Place, uri: string, commit = ''): Promise<Buffer | undefined> {
    const query = commit === '' ? '' : `?gitCommitId=${encodeURIComponent(commit)}`;
    const answer = await this.#call('GET', [...pathOf(place), 'resource', uri], undefined, undefined, query);
    if (answer.status === 404) return undefined;
    if (answer.status >= 400) throw refusal(answer);
    return Buffer.from(resourceSchema.parse(answer.body).resourceContent, 'base64');
  }

  /** The names of a project's stages, in no order of promotion. */
  async stages(project: string): Promise<string[]> {
    const pages = await this.#pages(['project', project, 'stage'], '');
    return pages.flatMap(({ stages }) => stages ?? []).map(({ stageName }) => stageName);
  }

  /** The files of a place, as they are now or at a commit. */
  async list(place: Place, commit: string): Promise<string[]> {
    const pages = await this.#pages([...pathOf(place), 'resource'], `&gitCommitId=${encodeURIComponent(commit)}`);
    return pages.flatMap(({ resources }) => resources ?? []).map(({ resourceURI }) => resourceURI.replace(/^\//, ''));
  }

  async #pages(path: string[], query: string): Promise<Page[]> {
    const pages: Page[] = [];
    for (let key = '0'; pages.length < MAX_PAGES;) {
      const page = `?pageSize=50&nextPageKey=${encodeURIComponent(key)}${query}`;
      const answer = await this.#call('GET', path, undefined, undefined, page);
      if (answer.status >= 400) throw refusal(answer);
      const parsed = pageSchema.parse(answer.body);
      pages.push(parsed);
      if (!parsed.nextPageKey || parsed.nextPageKey === '0') break;
      key = parsed.nextPageKey;
    }
    return pages;
  }

  /** True when the file is there. */
  async has(place: Place, uri: string): Promise<boolean> {
    const answer = await this.#look([...pathOf(place), 'resource', uri]);
    if (answer.status >= 400 && answer.status !== 404) throw refusal(answer);
    return answer.status !== 404;
  }

  /** Removes one file; no error when it, or what it belongs to, is gone. */
  async removeResource(place: Place, uri: string, cause?: Cause): Promise<void> {
    await this.#remove([...pathOf(place), 'resource', uri], cause);
  }

  /** Removes a project with its repository, a stage with its branch or a service with its folder. */
  async remove(place: Place, cause?: Cause): Promise<void> {
    await this.#remove(pathOf(place), cause);
  }

  async #remove(path: string[], cause?: Cause): Promise<void> {
    const answer = await this.#call('DELETE', path, undefined, cause);
    if (answer.status >= 400 && answer.status !== 404) throw refusal(answer);
  }

  async #ensure(collection: string[], name: string, body: object, cause?: Cause): Promise<void> {
    const found = await this.#look([...collection, name]);
    if (found.status < 400) return;
    if (found.status !== 404) throw refusal(found);
    const made = await this.#call('POST', collection, body, cause);
    if (made.status < 400) return;
    // Two of us may have seen that it was missing.
    const again = await this.#look([...collection, name]);
    if (again.status >= 400) throw refusal(made);
  }

  /** Reads what is here, without asking an upstream first. */
  #look(path: string[]): Promise<Answer> {
    return this.#call('GET', path, undefined, undefined, '?disableUpstreamSync=true');
  }

  async #call(method: string, path: string[], body?: object, cause?: Cause, query = ''): Promise<Answer> {
    const place = path.map(encodeURIComponent).join('/');
    const url = `${this.#base}/${place}${query}`;
    const request = { part: 'configuration-service', method, path: place, context: cause?.context };
    const ask = (trace: Record<string, string>): Promise<Answer> =>
      withDeadline(DEADLINE_MS, async (signal) => {
        const response = await fetch(url, {
          method,
          headers: {
            ...trace,
            ...(body && { 'content-type': 'application/json' }),
            ...(cause && causeHeaders(cause)),
            'x-keptn-author': this.#author,
          },
          ...(body && { body: JSON.stringify(body) }),
          signal,
        });
        const text = await response.text();
        const parsed: unknown = text === '' ? undefined : JSON.parse(text);
        const error = errorSchema.safeParse(parsed);
        const message = error.success ? error.data.message : `HTTP ${response.status}`;
        return { status: response.status, message, body: parsed };
      });
    try {
      return await requesting(request, ask);
    } catch (error) {
      throw new Transient(`the configuration-service does not answer: ${messageOf(error)}`, { cause: error });
    }
  }
}

function pathOf({ project, stage, service }: Place): string[] {
  return ['project', project, ...(stage ? ['stage', stage] : []), ...(service ? ['service', service] : [])];
}

/** A 4xx will be one again until the declaration changes; a 404 until what is missing has come. */
function refusal({ status, message }: Answer): Error {
  if (status === 404) return new Waiting('NotFound', `the configuration-service says: ${message}`);
  if (status >= 500 || status === 408 || status === 409 || status === 412 || status === 429) {
    return new Transient(`the configuration-service says: ${message}`);
  }
  return new Terminal('Rejected', `the configuration-service says: ${message}`);
}
