/** What 0.6.2 had not: the history of a resource, and how two stages differ. */
import type { LogEntry } from '../../lib/git/port.ts';
import { answer, route, type Route } from '../../lib/http/route.ts';
import type { Projects } from './repository.ts';
import type { Resources } from './resources.ts';
import {
  compareAnswer,
  compareQuery,
  cut,
  historyAnswer,
  historyQuery,
  levels,
  placeOf,
  projectParams,
} from './schemas.ts';
import type { BeforeRead } from './service.ts';

export function versionRoutes(projects: Projects, resources: Resources, beforeRead: BeforeRead): Route[] {
  const histories = levels.map(({ path, one }) =>
    route({
      method: 'get',
      path: `${path}/resource/{resourceURI}/history`,
      tag: 'Versions',
      summary: 'Tells who changed a resource, newest first; also one that is gone',
      params: one,
      query: historyQuery,
      answers: { 200: historyAnswer },
      async handle({ params, query }) {
        const headers = await beforeRead(params.projectName, query.disableUpstreamSync);
        const after = query.nextPageKey === '0' ? undefined : query.nextPageKey;
        const page = await resources.history(placeOf(params), params.resourceURI, query.pageSize, after);
        return answer(200, { headers, body: { nextPageKey: page.next ?? '0', commits: page.entries.map(showCommit) } });
      },
    }),
  );
  return [
    ...histories,
    route({
      method: 'get',
      path: '/v1/project/{projectName}/compare',
      tag: 'Versions',
      summary: 'Lists the files that differ between two stages or versions',
      params: projectParams,
      query: compareQuery,
      answers: { 200: compareAnswer },
      async handle({ params: { projectName }, query }) {
        const headers = await beforeRead(projectName, query.disableUpstreamSync);
        const all = await projects.compare(projectName, query.from, query.to, query.serviceName);
        const body = await cut('changes', all, query, ({ path, from, to }) => ({
          resourceURI: `/${path}`,
          change: from === null ? ('added' as const) : to === null ? ('removed' as const) : ('modified' as const),
          ...(from !== null && { fromId: from }),
          ...(to !== null && { toId: to }),
        }));
        return answer(200, { headers, body });
      },
    }),
  ];
}

function showCommit({ commit, message, author, time }: LogEntry) {
  const keptnContext = trailer(message, 'Keptn-Context');
  const causedBy = trailer(message, 'Keptn-Cause-Object');
  return {
    version: commit,
    message: message.split('\n')[0] ?? '',
    author,
    time: new Date(time * 1000).toISOString(),
    ...(keptnContext !== undefined && { keptnContext }),
    ...(causedBy !== undefined && { causedBy }),
  };
}

const trailer = (message: string, name: string): string | undefined =>
  message
    .split('\n')
    .findLast((line) => line.startsWith(`${name}: `))
    ?.slice(name.length + 2);
