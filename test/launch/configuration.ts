/** A configuration-service in the test's own process, on a folder of its own, with one call to ask it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createObjectGit } from '../../lib/git/objects/store.ts';
import type { GitStore } from '../../lib/git/port.ts';
import { createLog } from '../../lib/observe/log.ts';
import { createProcessMetrics } from '../../lib/observe/process-metrics.ts';
import {
  startConfigurationService,
  type ConfigurationServiceSettings,
} from '../../services/configuration-service/service.ts';
import { createCredentialFiles } from '../../services/configuration-service/upstream/credentials-file.ts';

export interface Configuration {
  url: string;
  git: GitStore;
  directory: string;
  /** `call`: method and path below /v1. */
  ask(call: string, body?: object, headers?: Record<string, string>): Promise<Asked>;
  /** Writes a file and gives the answer. */
  put(path: string, content: string, headers?: Record<string, string>): Promise<Asked>;
  stop(): Promise<void>;
}

export interface Asked {
  status: number;
  /** Undefined without a body. */
  json: unknown;
  headers: Headers;
}

export const base64 = (content: string): string => Buffer.from(content).toString('base64');

/** With the project p1, its stages dev and prod, and the service carts in both. */
export async function startConfiguration(settings: Partial<ConfigurationServiceSettings> = {}): Promise<Configuration> {
  const directory = await mkdtemp(join(tmpdir(), 'keptn-configuration-'));
  const log = createLog('test', 'silent');
  const git = await createObjectGit({ directory: join(directory, 'config'), durable: false, log });
  const credentials = await createCredentialFiles(join(directory, 'credentials'));
  const place = { host: '127.0.0.1', port: 0, metrics: createProcessMetrics() };
  const server = await startConfigurationService({ git, credentials, log, ...place, ...settings });
  const ask: Configuration['ask'] = async (call, body, headers = {}) => {
    const [method = '', path = ''] = call.split(' ');
    const response = await fetch(`${server.url}/v1${path}`, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const json: unknown = text === '' ? undefined : JSON.parse(text);
    return { status: response.status, json, headers: response.headers };
  };
  await ask('POST /project', { projectName: 'p1' });
  for (const stageName of ['dev', 'prod']) {
    await ask('POST /project/p1/stage', { stageName });
    await ask(`POST /project/p1/stage/${stageName}/service`, { serviceName: 'carts' });
  }
  return {
    url: server.url,
    git,
    directory,
    ask,
    put: (path, content, headers) =>
      ask(`PUT ${path}`, { resourceURI: 'x', resourceContent: base64(content) }, headers),
    async stop() {
      await server.close();
      await git.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
