/** The audit log of an API server: what ServiceAccounts of a namespace have asked for, and what they were answered. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { V1PolicyRule } from '@kubernetes/client-node';
import { stringify } from 'yaml';
import { z } from 'zod';

const entrySchema = z.object({
  verb: z.string(),
  requestURI: z.string(),
  user: z.object({ username: z.string() }),
  objectRef: z
    .object({
      resource: z.string(),
      apiGroup: z.string().default(''),
      subresource: z.string().optional(),
      namespace: z.string().optional(),
      name: z.string().optional(),
    })
    .optional(),
  responseStatus: z.object({ code: z.int() }),
});

const RBAC = 'rbac.authorization.k8s.io';

/** A request, as RBAC sees it. */
export interface Request {
  /** Of the ServiceAccount. */
  account: string;
  verb: string;
  apiGroup: string;
  /** With its subresource: `stages/status`. */
  resource: string;
  namespace: string;
  uri: string;
  code: number;
}

export interface Audit {
  apiServerArgs: readonly string[];
  requests(): Promise<Request[]>;
}

export async function auditIn(folder: string, namespace: string): Promise<Audit> {
  const [policy, log] = [join(folder, 'audit-policy.yaml'), join(folder, 'audit.log')];
  const rules = [{ level: 'Metadata', userGroups: [`system:serviceaccounts:${namespace}`] }, { level: 'None' }];
  const omitStages = ['RequestReceived'];
  await writeFile(policy, stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages, rules }));
  return {
    apiServerArgs: [`--audit-policy-file=${policy}`, `--audit-log-path=${log}`, '--audit-log-mode=blocking'],
    requests: async () => (await readFile(log, 'utf8')).split('\n').flatMap(requestsIn),
  };
}

function requestsIn(line: string): Request[] {
  if (line.trim() === '') return [];
  const { verb, requestURI: uri, user, objectRef, responseStatus } = entrySchema.parse(JSON.parse(line));
  // What everybody may ask for, such as /version.
  if (!objectRef) return [];
  const { resource, subresource, apiGroup, namespace = '' } = objectRef;
  const request = {
    account: user.username.replace(/.*:/, ''),
    ...{ verb, apiGroup, resource: subresource === undefined ? resource : `${resource}/${subresource}` },
    ...{ namespace, uri, code: responseStatus.code },
  };
  // What server-side apply makes needs both.
  return verb === 'patch' && request.code === 201 ? [request, { ...request, verb: 'create' }] : [request];
}

/** Each verb of the rules that no request has used, as `verb resource.group`. */
export function unused(rules: readonly V1PolicyRule[], requests: readonly Request[]): string[] {
  const used = new Set(requests.map(({ verb, resource, apiGroup }) => `${verb} ${resource}.${apiGroup}`));
  // Asked for inside of the API server, when a role is given to somebody.
  const bound = ['rolebindings', 'clusterrolebindings'].some((one) => used.has(`create ${one}.${RBAC}`));
  if (bound) used.add(`bind clusterroles.${RBAC}`);
  return rules.flatMap(({ apiGroups = [], resources = [], verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        verbs.map((verb) => `${verb} ${resource}.${group}`).filter((one) => !used.has(one)),
      ),
    ),
  );
}
