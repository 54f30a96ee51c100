/** The configuration-service on a GitStore: what 0.6.2's clients call, in one function that any process can start. */
import type { GitStore } from '../../lib/git/port.ts';
import { createApp, listen, type HttpServer, type Route } from '../../lib/http/server.ts';
import type { Logger } from '../../lib/observe/log.ts';
import { Projects } from './repository.ts';
import { Resources } from './resources.ts';
import { projectRoutes } from './routes-projects.ts';
import { resourceRoutes } from './routes-resources.ts';

/** Of one request: eight resources of the largest size, or many small ones. */
const BODY_LIMIT = 12 * 1024 * 1024;

export interface ConfigurationServiceSettings {
  git: GitStore;
  host: string;
  /** 0 for any that is free. */
  port: number;
  log: Logger;
}

/** Does not close the GitStore, which belongs to the caller. */
export async function startConfigurationService(settings: ConfigurationServiceSettings): Promise<HttpServer> {
  const { git, host, port, log } = settings;
  const projects = new Projects(git);
  let closing = false;
  const health: Route[] = [
    { method: 'get', path: '/healthz', handle: (_request, response) => void response.json({ status: 'ok' }) },
    {
      method: 'get',
      path: '/readyz',
      handle: (_request, response) =>
        void response.status(closing ? 503 : 200).json({ status: closing ? 'closing' : 'ok' }),
    },
  ];
  const routes = [...health, ...projectRoutes(projects), ...resourceRoutes(projects, new Resources(git))];
  const server = await listen(createApp({ routes, log, bodyLimit: BODY_LIMIT }), host, port);
  log.info({ url: server.url }, 'configuration-service listens');
  return {
    url: server.url,
    close: () => {
      closing = true;
      return server.close();
    },
  };
}
