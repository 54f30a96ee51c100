/**
 * Resources of a service in every stage that has it. Each stage has its own commit: a refusal in one of them (the same
 * for all, since they get the same files) leaves what was written before, and repeating the request completes it.
 */
import { answer, route, type Route } from '../../lib/http/route.ts';
import { originOf, type Origin } from './cause.ts';
import { refusePrecondition } from './preconditions.ts';
import { isMissing, notFound } from './refusal.ts';
import type { Projects } from './repository.ts';
import type { Resources, Upload } from './resources.ts';
import {
  cut,
  defaultOneParams,
  defaultParams,
  pageQuery,
  resourceBody,
  resourcesAnswer,
  resourcesBody,
  uploadOf,
  uploadsOf,
  versionsAnswer,
} from './schemas.ts';
import type { BeforeRead } from './service.ts';

const path = '/v1/project/{projectName}/service/{serviceName}/resource';
const tag = 'Default resources';

export function defaultRoutes(projects: Projects, resources: Resources, beforeRead: BeforeRead): Route[] {
  async function write(project: string, service: string, uploads: Upload[], line: string, origin: Origin) {
    const stages: { stageName: string; version: string }[] = [];
    for (const stage of await projects.stagesWith(project, service)) {
      stages.push({
        stageName: stage,
        version: await resources.write({ project, stage, service }, uploads, line, origin),
      });
    }
    return { version: stages[0]?.version, stages };
  }
  const writeAll = (method: 'post' | 'put', line: string): Route =>
    route({
      method,
      path,
      tag,
      summary: 'Writes resources of a service in every stage',
      params: defaultParams,
      body: { name: 'resources', schema: resourcesBody },
      answers: { 201: versionsAnswer },
      async handle({ params, body, headers }) {
        refusePrecondition(headers);
        const { projectName, serviceName } = params;
        return answer(201, { body: await write(projectName, serviceName, uploadsOf(body), line, originOf(headers)) });
      },
    });
  return [
    writeAll('post', 'Added resources'),
    writeAll('put', 'Updated resources'),
    route({
      method: 'get',
      path,
      tag,
      summary: 'Lists the resources that a service has in every stage',
      params: defaultParams,
      query: pageQuery,
      answers: { 200: resourcesAnswer },
      async handle({ params: { projectName: project, serviceName: service }, query }) {
        const headers = await beforeRead(project, query.disableUpstreamSync);
        const lists: Set<string>[] = [];
        for (const stage of await projects.stagesWith(project, service)) {
          lists.push(new Set(await (await resources.list({ project, stage, service })).load()));
        }
        const common = [...(lists[0] ?? [])].filter((uri) => lists.every((list) => list.has(uri)));
        const body = await cut('resources', common, query, (resourceURI) => ({ resourceURI }));
        return answer(200, { headers, body });
      },
    }),
    route({
      method: 'put',
      path: `${path}/{resourceURI}`,
      tag,
      summary: 'Writes a resource of a service in every stage',
      params: defaultOneParams,
      body: { name: 'resource', schema: resourceBody },
      answers: { 201: versionsAnswer },
      async handle({ params, body, headers }) {
        refusePrecondition(headers);
        const upload = uploadOf(params.resourceURI, body);
        const line = `Updated resource: ${upload.uri}`;
        const { projectName, serviceName } = params;
        return answer(201, { body: await write(projectName, serviceName, [upload], line, originOf(headers)) });
      },
    }),
    route({
      method: 'delete',
      path: `${path}/{resourceURI}`,
      tag,
      summary: 'Removes a resource of a service in every stage',
      params: defaultOneParams,
      answers: { 204: null },
      async handle({ params: { projectName: project, serviceName: service, resourceURI }, headers }) {
        refusePrecondition(headers);
        const origin = originOf(headers);
        let removed = 0;
        for (const stage of await projects.stagesWith(project, service)) {
          // A stage may lack it, by its own deletion or a repeated request.
          removed += await resources.remove({ project, stage, service }, resourceURI, origin).then(
            () => 1,
            (error: unknown) => (isMissing(error) ? 0 : Promise.reject(error as Error)),
          );
        }
        if (removed === 0) throw notFound('Service resource not found');
        return answer(204);
      },
    }),
  ];
}
