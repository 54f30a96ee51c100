/** The routes of resources, the same below a project, a stage and a service. */
import { answer, route, type Route } from '../../lib/http/route.ts';
import { originOf } from './cause.ts';
import { etag, isKnown, preconditionOf, readHeaders, writeHeaders } from './preconditions.ts';
import type { Resources } from './resources.ts';
import {
  cut,
  levels,
  listQuery,
  placeOf,
  readQuery,
  resourceAnswer,
  resourceBody,
  resourcesAnswer,
  resourcesBody,
  uploadOf,
  uploadsOf,
  versionAnswer,
} from './schemas.ts';
import type { BeforeRead } from './service.ts';

export function resourceRoutes(resources: Resources, beforeRead: BeforeRead): Route[] {
  return levels.flatMap((level) => levelRoutes(level, resources, beforeRead));
}

function levelRoutes(
  { path, all, one }: (typeof levels)[number],
  resources: Resources,
  beforeRead: BeforeRead,
): Route[] {
  const writeAll = (method: 'post' | 'put', line: string): Route =>
    route({
      method,
      path: `${path}/resource`,
      tag: 'Resources',
      summary: 'Writes resources, in one commit',
      params: all,
      headers: writeHeaders,
      body: { name: 'resources', schema: resourcesBody },
      answers: { 201: versionAnswer },
      async handle({ params, body, headers }) {
        const condition = { condition: preconditionOf(headers), many: true };
        const version = await resources.write(placeOf(params), uploadsOf(body), line, originOf(headers), condition);
        return answer(201, { body: { version } });
      },
    });
  return [
    writeAll('post', 'Added resources'),
    writeAll('put', 'Updated resources'),
    route({
      method: 'get',
      path: `${path}/resource`,
      tag: 'Resources',
      summary: 'Lists the resources below',
      params: all,
      query: listQuery,
      headers: readHeaders,
      answers: { 200: resourcesAnswer, 304: null },
      async handle({ params, query, headers }) {
        const stale = await beforeRead(params.projectName, query.disableUpstreamSync);
        const { id, load } = await resources.list(placeOf(params), query.gitCommitId ?? query.gitCommitID);
        const tags = { ...stale, ...etag(id) };
        if (isKnown(headers, id)) return answer(304, { headers: tags });
        const body = await cut('resources', await load(), query, (resourceURI) => ({ resourceURI }));
        return answer(200, { headers: tags, body });
      },
    }),
    route({
      method: 'get',
      path: `${path}/resource/{resourceURI}`,
      tag: 'Resources',
      summary: 'Reads a resource',
      params: one,
      query: readQuery,
      headers: readHeaders,
      answers: { 200: resourceAnswer, 304: null },
      async handle({ params, query, headers }) {
        const { resourceURI } = params;
        const stale = await beforeRead(params.projectName, query.disableUpstreamSync);
        const commit = query.gitCommitId ?? query.gitCommitID;
        const { id, load } = await resources.read(placeOf(params), resourceURI, commit);
        const tags = { ...stale, ...etag(id) };
        if (isKnown(headers, id)) return answer(304, { headers: tags });
        const content = await load();
        const resourceContent = Buffer.from(content.buffer, content.byteOffset, content.length).toString('base64');
        return answer(200, { headers: tags, body: { resourceContent, resourceURI } });
      },
    }),
    route({
      method: 'put',
      path: `${path}/resource/{resourceURI}`,
      tag: 'Resources',
      summary: 'Writes a resource',
      params: one,
      headers: writeHeaders,
      body: { name: 'resource', schema: resourceBody },
      answers: { 201: versionAnswer },
      async handle({ params, body, headers }) {
        const upload = uploadOf(params.resourceURI, body);
        const place = placeOf(params);
        const condition = { condition: preconditionOf(headers) };
        const line = `Updated resource: ${upload.uri}`;
        const version = await resources.write(place, [upload], line, originOf(headers), condition);
        const id = await resources.tagOf(place, upload.uri, version);
        return answer(201, { headers: id === undefined ? {} : etag(id), body: { version } });
      },
    }),
    route({
      method: 'delete',
      path: `${path}/resource/{resourceURI}`,
      tag: 'Resources',
      summary: 'Removes a resource',
      params: one,
      headers: writeHeaders,
      answers: { 204: null },
      async handle({ params, headers }) {
        await resources.remove(placeOf(params), params.resourceURI, originOf(headers), preconditionOf(headers));
        return answer(204);
      },
    }),
  ];
}
