/** What an installation is made of: components, each a list of Kubernetes objects made by pure functions of this folder. */
import type { KeptnSpec } from '../model/keptn.ts';
import type { KubeObject } from '../resources/kube-object.ts';

export type { KubeObject };

/** A component has a condition of its own; what it is called is the name of its workload. */
export interface Component {
  name: string;
  objects: KubeObject[];
  /** What people should know of it: a sentence for its condition. */
  note?: string;
}

export type IngressType = 'Istio' | 'Ingress' | 'Gateway' | 'None';

/** What the components follow from: the spec, and what is known of the cluster. */
export interface Installation {
  namespace: string;
  spec: KeptnSpec;
  /** Of all parts of ours. */
  image: string;
  ingress: IngressType;
  /** Changes when the api token or a password does: pods that have it begin anew. */
  secretsDigest: string;
}

/** The label that tells what the operator applied for an installation, and so may remove. */
export const MANAGED = { 'app.kubernetes.io/managed-by': 'keptn-operator' } as const;
export const PART_OF = { 'app.kubernetes.io/part-of': 'keptn' } as const;

/** Labels by which pods of a component are found; they never change. */
export const selectorOf = (component: string): Record<string, string> => ({
  ...PART_OF,
  'app.kubernetes.io/name': component,
});

export const labelsOf = (component: string): Record<string, string> => ({ ...selectorOf(component), ...MANAGED });

/** Secrets that are made once and kept; each with its keys. */
export const secretNames = { token: 'keptn-api-token', mongodb: 'mongodb-credentials' } as const;

/** Type of a component's condition: `mongodb-datastore` is MongodbDatastore. */
export function conditionOf(component: string): string {
  return component.replace(/(^|-)([a-z0-9])/g, (_match, _dash, letter: string) => letter.toUpperCase());
}

/** The tag of an image, else its digest's beginning. */
export function versionOf(image: string): string {
  const [, digest] = image.split('@sha256:');
  const tag = /:([^:/@]+)(@|$)/.exec(image)?.[1];
  return tag ?? digest?.slice(0, 12) ?? 'latest';
}
