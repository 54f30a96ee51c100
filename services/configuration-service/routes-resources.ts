/** The routes of resources, the same below a project, a stage and a service; and the defaults of a service. */
import { createHash } from 'node:crypto';
import type { Route } from '../../lib/http/server.ts';
import { commitIn, nameIn, pageOf, placeOf, uploadIn, uploadsIn, uriIn } from './input.ts';
import { originOf, type Origin } from './cause.ts';
import { answerPage } from './paging.ts';
import { isMissing, notFound } from './refusal.ts';
import type { Projects } from './repository.ts';
import type { Resources, Upload } from './resources.ts';

const project = '/v1/project/:project';
const stage = `${project}/stage/:stage`;
const levels = [project, stage, `${stage}/service/:service`];
const defaults = `${project}/service/:service`;

export function resourceRoutes(projects: Projects, resources: Resources): Route[] {
  return [...levels.flatMap((level) => levelRoutes(level, resources)), ...defaultRoutes(projects, resources)];
}

function levelRoutes(level: string, resources: Resources): Route[] {
  const writeAll = (method: 'post' | 'put', line: string): Route => ({
    method,
    path: `${level}/resource`,
    async handle(request, response) {
      const version = await resources.write(placeOf(request), uploadsIn(request), line, originOf(request.headers));
      response.status(201).json({ version });
    },
  });
  return [
    writeAll('post', 'Added resources'),
    writeAll('put', 'Updated resources'),
    {
      method: 'get',
      path: `${level}/resource`,
      async handle(request, response) {
        const all = await resources.list(placeOf(request), commitIn(request));
        await answerPage(response, 'resources', all, pageOf(request), async (resourceURI) => ({ resourceURI }));
      },
    },
    {
      method: 'get',
      path: `${level}/resource/:uri`,
      async handle(request, response) {
        const resourceURI = uriIn(request);
        const content = await resources.read(placeOf(request), resourceURI, commitIn(request));
        // Git's own id of the content: the same bytes have the same tag in every version.
        const tag = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
        response.setHeader('etag', `"${tag}"`);
        if (request.headers['if-none-match']?.includes(tag)) return void response.status(304).end();
        const resourceContent = Buffer.from(content.buffer, content.byteOffset, content.length).toString('base64');
        response.json({ resourceContent, resourceURI });
      },
    },
    {
      method: 'put',
      path: `${level}/resource/:uri`,
      async handle(request, response) {
        const upload = uploadIn(request);
        const line = `Updated resource: ${upload.uri}`;
        const version = await resources.write(placeOf(request), [upload], line, originOf(request.headers));
        response.status(201).json({ version });
      },
    },
    {
      method: 'delete',
      path: `${level}/resource/:uri`,
      async handle(request, response) {
        await resources.remove(placeOf(request), uriIn(request), originOf(request.headers));
        response.status(204).end();
      },
    },
  ];
}

/**
 * Resources of a service in every stage that has it. Each stage has its own commit: a refusal in one of them (the same
 * for all, since they get the same files) leaves what was written before, and repeating the request completes it.
 */
function defaultRoutes(projects: Projects, resources: Resources): Route[] {
  const write = async (at: { project: string; service: string }, uploads: Upload[], line: string, origin: Origin) => {
    const stages: { stageName: string; version: string }[] = [];
    for (const stageName of await projects.stagesWith(at.project, at.service)) {
      const version = await resources.write({ ...at, stage: stageName }, uploads, line, origin);
      stages.push({ stageName, version });
    }
    return { version: stages[0]?.version, stages };
  };
  const writeAll = (method: 'post' | 'put', line: string): Route => ({
    method,
    path: `${defaults}/resource`,
    async handle(request, response) {
      const at = { project: nameIn(request, 'project'), service: nameIn(request, 'service') };
      response.status(201).json(await write(at, uploadsIn(request), line, originOf(request.headers)));
    },
  });
  return [
    writeAll('post', 'Added resources'),
    writeAll('put', 'Updated resources'),
    {
      method: 'get',
      path: `${defaults}/resource`,
      async handle(request, response) {
        const at = { project: nameIn(request, 'project'), service: nameIn(request, 'service') };
        const lists: Set<string>[] = [];
        for (const name of await projects.stagesWith(at.project, at.service)) {
          lists.push(new Set(await resources.list({ ...at, stage: name })));
        }
        const common = [...(lists[0] ?? [])].filter((uri) => lists.every((list) => list.has(uri)));
        await answerPage(response, 'resources', common, pageOf(request), async (resourceURI) => ({ resourceURI }));
      },
    },
    {
      method: 'put',
      path: `${defaults}/resource/:uri`,
      async handle(request, response) {
        const at = { project: nameIn(request, 'project'), service: nameIn(request, 'service') };
        const upload = uploadIn(request);
        const line = `Updated resource: ${upload.uri}`;
        response.status(201).json(await write(at, [upload], line, originOf(request.headers)));
      },
    },
    {
      method: 'delete',
      path: `${defaults}/resource/:uri`,
      async handle(request, response) {
        const at = { project: nameIn(request, 'project'), service: nameIn(request, 'service') };
        const uri = uriIn(request);
        const origin = originOf(request.headers);
        let removed = 0;
        for (const name of await projects.stagesWith(at.project, at.service)) {
          // A stage may lack it, by its own deletion or a repeated request.
          removed += await resources.remove({ ...at, stage: name }, uri, origin).then(
            () => 1,
            (error: unknown) => (isMissing(error) ? 0 : Promise.reject(error as Error)),
          );
        }
        if (removed === 0) throw notFound('Service resource not found');
        response.status(204).end();
      },
    },
  ];
}
