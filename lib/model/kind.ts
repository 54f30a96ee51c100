/** How a custom resource kind is described: one description gives types, validation, the CRD and the docs page. */
import { z } from 'zod';
import type { Meta } from './object.ts';

export const GROUP = 'keptn.sh';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;
export const FINALIZER = `${GROUP}/finalizer`;

/** An object as rules see it: parsed, with its spec. */
export interface Candidate<Spec> {
  metadata: Pick<Meta, 'name'>;
  spec: Spec;
}

/**
 * A rule that a JSON schema cannot say. The API server evaluates `cel` (on the whole object as `self`), the directory
 * store and the tests evaluate `check`. A rule with `previous` compares with what is in effect: it is for updates alone.
 */
export interface Rule<Spec> {
  cel: string;
  message: string;
  field: string;
  check: (object: Candidate<Spec>, previous?: Candidate<Spec>) => boolean;
}

export interface PrinterColumn {
  name: string;
  type: 'string' | 'date' | 'integer' | 'number';
  jsonPath: string;
  /** 1: shown with `-o wide` only. */
  priority?: number;
}

export interface KindDefinition<Name extends string, Schema extends z.ZodType> {
  kind: Name;
  plural: string;
  shortNames: readonly string[];
  /** First paragraph of the docs page and description of the CRD. */
  description: string;
  spec: Schema;
  columns: readonly PrinterColumn[];
  rules: readonly Rule<z.infer<Schema>>[];
  /** The thing in Keptn that an object declares; of two objects with one claim the older is in effect. */
  claim: (object: Candidate<z.infer<Schema>>) => string;
  /** The Keptn project that an object belongs to. */
  project: (object: Candidate<z.infer<Schema>>) => string;
}

/** Takes the definition as it is, with the types inferred. */
export function defineKind<Name extends string, Schema extends z.ZodType>(
  definition: KindDefinition<Name, Schema>,
): KindDefinition<Name, Schema> {
  return definition;
}

/** The address of a value in a ConfigMap or Secret of the same namespace. */
export const valueReference = (kind: string) =>
  z.object({
    name: z.string().min(1).max(253).describe(`Name of the ${kind}, in the same namespace.`),
    key: z.string().min(1).max(253).describe('The key that has the value.'),
  });

/** Fields that every kind's spec has. */
export const commonFields = {
  deletionPolicy: z
    .enum(['Delete', 'Retain'])
    .default('Delete')
    .describe('What happens in Git when the object is deleted: Delete removes what it declared, Retain leaves it.'),
  suspend: z.boolean().optional().describe('True: the operator leaves the object alone until it is false again.'),
};

/** A rule that a field of the spec keeps its value, or its absence, for ever. */
export function immutable<const Field extends string>(field: Field): Rule<{ readonly [F in Field]?: unknown }> {
  const has = (self: string): string => `has(${self}.spec.${field})`;
  return {
    field: `spec.${field}`,
    cel: `${has('self')} == ${has('oldSelf')} && (!${has('self')} || self.spec.${field} == oldSelf.spec.${field})`,
    message: `spec.${field} cannot be changed; delete the object and declare a new one`,
    check: (object, previous) => previous === undefined || object.spec[field] === previous.spec[field],
  };
}

export const commonColumns: readonly PrinterColumn[] = [
  { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
  { name: 'Reason', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].reason' },
  { name: 'Message', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].message', priority: 1 },
  { name: 'Commit', type: 'string', jsonPath: '.status.commit', priority: 1 },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
];
