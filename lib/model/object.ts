/** Custom resources as the project handles them after validation at the boundary. */
import { z } from 'zod';
import { API_VERSION, type KindDefinition } from './kind.ts';
import { problemsOf } from './names.ts';
import { projectDefinition } from './project.ts';
import { resourceDefinition } from './resource.ts';
import { serviceDefinition } from './service.ts';
import { stageDefinition } from './stage.ts';
import { statusSchema, type Status } from './status.ts';

export const kinds = {
  Project: projectDefinition,
  Stage: stageDefinition,
  Service: serviceDefinition,
  Resource: resourceDefinition,
} as const;

export type Kind = keyof typeof kinds;
export type Spec<K extends Kind> = z.infer<(typeof kinds)[K]['spec']>;

/** The kinds in the order in which they build on each other. */
export const kindNames: readonly Kind[] = ['Project', 'Stage', 'Service', 'Resource'];

export const metaSchema = z.object({
  name: z.string(),
  namespace: z.string(),
  uid: z.string(),
  generation: z.int(),
  resourceVersion: z.string(),
  creationTimestamp: z.string(),
  deletionTimestamp: z.string().optional(),
  finalizers: z.array(z.string()).optional(),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
  ownerReferences: z
    .array(
      z.object({
        apiVersion: z.string(),
        kind: z.string(),
        name: z.string(),
        uid: z.string(),
        controller: z.boolean().optional(),
      }),
    )
    .optional(),
});
export type Meta = z.infer<typeof metaSchema>;

export interface Stored<K extends Kind = Kind> {
  apiVersion: typeof API_VERSION;
  kind: K;
  metadata: Meta;
  spec: Spec<K>;
  status?: Status | undefined;
}

/** What addresses an object of a known kind. */
export interface Ref {
  namespace: string;
  name: string;
}

/** Tells an object from the others of its kind. */
export const keyOf = ({ namespace, name }: Ref): string => `${namespace}/${name}`;

/** The definition of a kind, typed by the kind. */
export function definitionOf<K extends Kind>(kind: K): KindDefinition<K, z.ZodType<Spec<K>>> {
  // One table holds definitions of different spec types; the key decides which, and TypeScript cannot follow that.
  return kinds[kind] as unknown as KindDefinition<K, z.ZodType<Spec<K>>>;
}

/** True when the value is the name of one of our kinds. */
export function isKind(value: unknown): value is Kind {
  return typeof value === 'string' && value in kinds;
}

const envelope = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.string(),
  metadata: metaSchema,
  spec: z.unknown().optional(),
  status: z.unknown().optional(),
});

/** An object from a store, validated; a sentence about the first problems when it does not fit. */
export function parseStored<K extends Kind>(kind: K, value: unknown): Stored<K> | { problem: string } {
  const outer = envelope.safeParse(value);
  if (!outer.success) return { problem: problemsOf(outer.error) };
  const spec = definitionOf(kind).spec.safeParse(outer.data.spec ?? {});
  if (!spec.success) return { problem: problemsOf(spec.error, 'spec') };
  // A status that an older version wrote is no reason to refuse the object: it is written anew.
  const status = statusSchema.safeParse(outer.data.status ?? {});
  return {
    apiVersion: API_VERSION,
    kind,
    metadata: outer.data.metadata,
    spec: spec.data,
    status: status.success ? status.data : undefined,
  };
}

/** `Kind namespace/name`, as messages and the log name an object. */
export function nameOf(object: { kind: string; metadata: Pick<Meta, 'namespace' | 'name'> }): string {
  return `${object.kind} ${object.metadata.namespace}/${object.metadata.name}`;
}
