/** The configuration-service as a process of its own: `npm run configuration-service`. */
import { join } from 'node:path';
import { z } from 'zod';
import { createObjectGit } from '../../lib/git/objects/store.ts';
import { serveHealth } from '../../lib/observe/health.ts';
import { createLog } from '../../lib/observe/log.ts';
import { createProcessMetrics } from '../../lib/observe/process-metrics.ts';
import { port, runProgram } from '../../lib/observe/program.ts';
import { startConfigurationService } from './service.ts';
import type { Credentials } from './upstream/credentials.ts';
import { createCredentialFiles } from './upstream/credentials-file.ts';

const settings = z.object({
  /** Folder of the Git repositories; no other process may use it. */
  KEPTN_DATA_DIR: z.string().min(1).default('.keptn/config'),
  PORT: port.default(8080),
  /** Port of /healthz and /metrics. */
  KEPTN_HEALTH_PORT: port.default(8081),
  KEPTN_LISTEN_HOST: z.string().min(1).default('0.0.0.0'),
  /** What clones over HTTP need; without it nobody can clone. */
  KEPTN_API_TOKEN: z.string().min(16).optional(),
  /** Namespace of the Secrets with the tokens of upstreams; without it they are files in the data folder. */
  KEPTN_CREDENTIALS_NAMESPACE: z.string().min(1).optional(),
  /** `on`: upstreams may be plain http and on this machine, for trials. */
  KEPTN_UPSTREAM_INSECURE: z.enum(['on', 'off']).default('off'),
  /** `off`: faster, and a power failure may damage repositories. */
  KEPTN_GIT_FSYNC: z.enum(['on', 'off']).default('on'),
});

const log = createLog('configuration-service');

await runProgram(log, settings, async (given) => {
  const { KEPTN_DATA_DIR: directory, KEPTN_LISTEN_HOST: host, KEPTN_API_TOKEN: token } = given;
  const git = await createObjectGit({ directory, durable: given.KEPTN_GIT_FSYNC === 'on', log });
  const credentials = await credentialsIn(directory, given.KEPTN_CREDENTIALS_NAMESPACE);
  const allowInsecure = given.KEPTN_UPSTREAM_INSECURE === 'on';
  const metrics = createProcessMetrics();
  return [
    await startConfigurationService({ git, host, port: given.PORT, token, credentials, allowInsecure, metrics, log }),
    git,
    await serveHealth(host, given.KEPTN_HEALTH_PORT, metrics.registry),
  ];
});

async function credentialsIn(directory: string, namespace: string | undefined): Promise<Credentials> {
  if (namespace === undefined) return createCredentialFiles(join(directory, 'credentials'));
  // The client takes 90 MB, which only a cluster needs.
  const { KubeConfig } = await import('@kubernetes/client-node');
  const { createCredentialSecrets } = await import('./upstream/credentials-secret.ts');
  const config = new KubeConfig();
  config.loadFromDefault();
  return createCredentialSecrets(config, namespace);
}
