/** Credentials as Secrets `git-credentials-<project>`, as 0.6.2 has them. */
import { ApiException, CoreV1Api, type KubeConfig, type V1Secret } from '@kubernetes/client-node';
import { messageOf, Transient } from '../../../lib/errors/classes.ts';
import { withDeadline } from '../../../lib/errors/deadline.ts';
import { decodeUpstream, encodeUpstream, type Credentials } from './credentials.ts';

const KEY = 'git-credentials';
const DEADLINE_MS = 10_000;

export function createCredentialSecrets(config: KubeConfig, namespace: string): Credentials {
  const api = config.makeApiClient(CoreV1Api);
  const nameOf = (project: string): string => `${KEY}-${project}`;
  /** Undefined for an answer with one of the statuses. */
  async function call<T>(work: () => Promise<T>, ...tolerated: number[]): Promise<T | undefined> {
    try {
      return await withDeadline(DEADLINE_MS, work);
    } catch (error) {
      if (error instanceof ApiException && tolerated.includes(error.code)) return undefined;
      throw new Transient(`the Secret of the upstream cannot be reached: ${reasonOf(error)}`, { cause: error });
    }
  }
  return {
    async get(project) {
      const name = nameOf(project);
      const secret = await call(() => api.readNamespacedSecret({ namespace, name }), 404);
      const content = secret?.data?.[KEY];
      return content === undefined
        ? undefined
        : decodeUpstream(Buffer.from(content, 'base64').toString('utf8'), `Secret ${namespace}/${name}`);
    },
    async set(project, upstream) {
      const name = nameOf(project);
      const body: V1Secret = {
        metadata: { name, namespace, labels: { 'app.kubernetes.io/managed-by': 'keptn', 'keptn.sh/project': project } },
        type: 'Opaque',
        stringData: { [KEY]: encodeUpstream(upstream) },
      };
      const made = await call(() => api.createNamespacedSecret({ namespace, body }), 409);
      if (!made) await call(() => api.replaceNamespacedSecret({ namespace, name, body }));
    },
    async remove(project) {
      await call(() => api.deleteNamespacedSecret({ namespace, name: nameOf(project) }), 404);
    },
  };
}

/** The answer's body may repeat what was sent. */
const reasonOf = (error: unknown): string => (error instanceof ApiException ? `HTTP ${error.code}` : messageOf(error));
