/** Token and password of an installation: made once, and never changed. */
import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { Terminal, Waiting } from '../../lib/errors/classes.ts';
import { labelsOf, secretNames, type KubeObject } from '../../lib/installation/installation.ts';
import type { KeptnSpec } from '../../lib/model/keptn.ts';
import type { ObjectClient } from '../../lib/resources/kubernetes/objects.ts';

/** In base64. */
const secretSchema = z.object({ data: z.record(z.string(), z.string()).optional() });

export const madeSecrets = [
  { name: secretNames.token, key: secretNames.token, component: 'api-service' },
  { name: secretNames.mongodb, key: 'password', component: 'mongodb' },
] as const;

export function secretOf(namespace: string, name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace } };
}

/** Makes what is missing. The digest of all changes when one does. */
export async function ensureSecrets(objects: ObjectClient, namespace: string, spec: KeptnSpec): Promise<string> {
  const digest = createHash('sha256');
  for (const { name, key, component } of madeSecrets) {
    const { uriRef } = spec.mongodb;
    if (name === secretNames.mongodb && uriRef) {
      digest.update(await given(objects, namespace, uriRef));
      continue;
    }
    const found = await valueOf(objects, namespace, name, key);
    if (found === undefined) {
      const labels = labelsOf(component);
      const secret = {
        ...secretOf(namespace, name),
        type: 'Opaque',
        stringData: { [key]: randomBytes(24).toString('hex') },
      };
      await objects.create({ ...secret, metadata: { ...secret.metadata, labels } });
    }
    digest.update(found ?? (await given(objects, namespace, { name, key })));
  }
  return digest.digest('hex').slice(0, 16);
}

async function given(objects: ObjectClient, namespace: string, { name, key }: { name: string; key: string }) {
  const value = await valueOf(objects, namespace, name, key);
  if (value !== undefined) return value;
  throw new Waiting('ReferenceMissing', `waiting for Secret ${name} with key ${key} in namespace ${namespace}`);
}

/** Undefined without the Secret. */
async function valueOf(objects: ObjectClient, namespace: string, name: string, key: string) {
  const secret = await objects.read(secretOf(namespace, name));
  if (!secret) return undefined;
  const value = secretSchema.safeParse(secret).data?.data?.[key];
  if (value !== undefined) return value;
  throw new Terminal(
    'ReferenceMissing',
    `Secret ${name} has no key ${key}: add it, or delete the Secret to have it made anew`,
  );
}
