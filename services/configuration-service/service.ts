/** The configuration-service on a GitStore: what 0.6.2's clients call, in one function that any process can start. */
import type { GitStore } from '../../lib/git/port.ts';
import { documentRoutes } from '../../lib/http/document-page.ts';
import { stream } from '../../lib/http/route.ts';
import { createApp, listen, type HttpServer } from '../../lib/http/server.ts';
import type { Logger } from '../../lib/observe/log.ts';
import type { ProcessMetrics } from '../../lib/observe/process-metrics.ts';
import { cloneRoutes } from './clone.ts';
import { Projects } from './repository.ts';
import { Resources } from './resources.ts';
import { defaultRoutes } from './routes-defaults.ts';
import { projectRoutes } from './routes-projects.ts';
import { resourceRoutes } from './routes-resources.ts';
import { versionRoutes } from './routes-versions.ts';
import type { Credentials } from './upstream/credentials.ts';
import { Upstreams } from './upstream/upstreams.ts';

/** Of one request: eight resources of the largest size, or many small ones. */
const BODY_LIMIT = 12 * 1024 * 1024;

const info = {
  title: 'Keptn configuration-service',
  description: 'Projects, stages, services and their files in Git. The contract of Keptn 0.6.2, and more.',
  version: '1',
};

/** Brings a project up to date before it is read; gives headers that say so when that was not possible. */
export type BeforeRead = (project: string, disableUpstreamSync: boolean) => Promise<Record<string, string>>;

export interface ConfigurationServiceSettings {
  git: GitStore;
  host: string;
  /** 0 for any that is free. */
  port: number;
  /** What cloning over HTTP needs; undefined: nobody can. */
  token?: string | undefined;
  /** Where the tokens of upstreams are. */
  credentials: Credentials;
  /** Upstreams may be plain http and on this machine, for trials; false by default. */
  allowInsecure?: boolean;
  metrics: ProcessMetrics;
  log: Logger;
}

/** Does not close the GitStore, which belongs to the caller. */
export async function startConfigurationService(settings: ConfigurationServiceSettings): Promise<HttpServer> {
  const { git, host, port, token, credentials, allowInsecure = false, metrics, log } = settings;
  const upstreams = new Upstreams({ git, credentials, allowInsecure, log });
  const projects = new Projects(git, upstreams);
  const resources = new Resources(git);
  const beforeRead: BeforeRead = async (project, disableUpstreamSync) => {
    const stale = disableUpstreamSync ? undefined : await upstreams.refresh(project);
    return stale === undefined ? {} : { 'x-keptn-upstream': stale.replace(/[^\x20-\x7e]+/g, ' ') };
  };
  let closing = false;
  const contract = [
    ...projectRoutes(projects, beforeRead),
    ...resourceRoutes(resources, beforeRead),
    ...defaultRoutes(projects, resources, beforeRead),
    ...versionRoutes(projects, resources, beforeRead),
  ];
  const routes = [
    stream('get', '/healthz', (_request, response) => void response.json({ status: 'ok' })),
    stream('get', '/readyz', (_request, response) => {
      response.status(closing ? 503 : 200).json({ status: closing ? 'closing' : 'ok' });
    }),
    ...contract,
    ...cloneRoutes({ git, token, log }),
    ...documentRoutes(contract, info),
  ];
  const app = createApp({ name: 'configuration-service', metrics, routes, log, bodyLimit: BODY_LIMIT });
  const server = await listen(app, host, port);
  upstreams.start();
  log.info({ url: server.url }, 'configuration-service listens');
  return {
    url: server.url,
    close: async () => {
      closing = true;
      await server.close();
      await upstreams.close();
    },
  };
}
