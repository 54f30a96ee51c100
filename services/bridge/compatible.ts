/** What the server of 0.6.2's Bridge answered to its page, for that page and for scripts that read it. */
import type { Forwarder } from '../../lib/http/forward.ts';
import { stream, type Route } from '../../lib/http/route.ts';

/** Ours by the name in 0.6.2. */
const eventQuery = new Map([
  ['type', 'type'],
  ['root', 'root'],
  ['contextId', 'keptnContext'],
  ['projectName', 'project'],
  ['serviceName', 'service'],
  ['stageName', 'stage'],
  ['source', 'source'],
  ['fromTime', 'fromTime'],
  ['pageSize', 'pageSize'],
]);
/** Makes it a search: the api answers a context and a type alone with one event. */
const EVER = '1970-01-01T00:00:00Z';

export function compatibleRoutes(api: Forwarder, version: string): Route[] {
  const lists: Record<string, (params: Record<string, string>) => string> = {
    '/api/project': () => '/v1/project',
    '/api/project/:project/resource': ({ project = '' }) => `/v1/project/${project}/resource`,
    '/api/project/:project/stage': ({ project = '' }) => `/v1/project/${project}/stage`,
    '/api/project/:project/stage/:stage/service': ({ project = '', stage = '' }) =>
      `/v1/project/${project}/stage/${stage}/service`,
  };
  const search = (given: Record<string, string>): string =>
    `/v1/event?${new URLSearchParams({ fromTime: EVER, ...given }).toString()}`;
  return [
    stream('get', '/api', (_request, response) => void response.json({ version })),
    ...Object.entries(lists).map(([path, pathOf]) =>
      stream('get', path, (request, response) => {
        const params = Object.entries(request.params).map(([name, text]) => [name, encodeURIComponent(String(text))]);
        return api.forward(
          `${pathOf(Object.fromEntries(params) as Record<string, string>)}?pageSize=50`,
          request,
          response,
        );
      }),
    ),
    stream('get', '/api/roots/:project/:service', (request, response) => {
      const { project, service } = request.params;
      const given = { pageSize: '20', root: 'true', project: String(project), service: String(service) };
      return api.forward(search({ ...given, ...known(request.query, ['fromTime']) }), request, response);
    }),
    stream('get', '/api/traces/:context', (request, response) => {
      const given = { pageSize: '100', keptnContext: String(request.params['context']) };
      return api.forward(search({ ...given, ...known(request.query, ['fromTime']) }), request, response);
    }),
    stream('get', '/api/events', (request, response) =>
      api.forward(search(known(request.query, [...eventQuery.keys()])), request, response),
    ),
    // What is not there is no page either.
    stream('get', '/api/*rest', (request, response) => {
      response.status(404).json({ code: 404, message: `path ${request.path} was not found` });
    }),
  ];
}

/** Those of the named that are given and not empty, by our names. */
function known(query: Record<string, unknown>, names: readonly string[]): Record<string, string> {
  const given = names.map((name) => [eventQuery.get(name), query[name]] as const);
  return Object.fromEntries(given.filter(([, value]) => typeof value === 'string' && value !== '')) as Record<
    string,
    string
  >;
}
