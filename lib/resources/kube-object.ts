/** An object of any kind, as it is applied. */
import type { KubernetesObject, V1ObjectMeta } from '@kubernetes/client-node';

/** What addresses objects of a kind. */
export interface KindRef {
  apiVersion: string;
  kind: string;
}

export type KubeObject = KubernetesObject & KindRef & { metadata: V1ObjectMeta & { name: string } };

/** `Kind namespace/name`, as messages name it. */
export function nameOfObject({
  kind,
  metadata,
}: KindRef & { metadata: { name: string; namespace?: string | undefined } }): string {
  return metadata.namespace === undefined
    ? `${kind} ${metadata.name}`
    : `${kind} ${metadata.namespace}/${metadata.name}`;
}
