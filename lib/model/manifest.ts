/**
 * An object as people write it. Fields that only a server sets may be there, since `kubectl get -o yaml` prints them, and
 * mean nothing.
 */
import { z } from 'zod';
import { API_VERSION } from './kind.ts';

/** Of objects that name none, as with kubectl. */
export const DEFAULT_NAMESPACE = 'default';
export const namespaceSchema = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be a DNS label: lower-case letters, digits and "-"');
const strings = z.record(z.string(), z.string()).nullish();
const serverFields = ['uid', 'resourceVersion', 'generation', 'creationTimestamp', 'deletionTimestamp', 'selfLink'];
const moreServerFields = ['deletionGracePeriodSeconds', 'finalizers', 'managedFields', 'ownerReferences'];
/** What the API server asks of every object's metadata. */
export const metadataSchema = z.strictObject({
  name: z
    .string()
    .max(253)
    .regex(
      /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
      'must be a DNS name: lower-case letters, digits, "-" and "."',
    ),
  namespace: namespaceSchema.default(DEFAULT_NAMESPACE),
  labels: strings,
  annotations: strings,
  ...Object.fromEntries([...serverFields, ...moreServerFields].map((field) => [field, z.unknown().optional()])),
});
export const manifestSchema = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.string(),
  metadata: metadataSchema,
  spec: z.unknown().optional(),
  status: z.unknown().optional(),
});
