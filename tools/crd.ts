/** A CustomResourceDefinition from a kind's definition: zod's JSON schema, bent into Kubernetes' structural schema. */
import { z } from 'zod';
import { GROUP, VERSION, type KindDefinition } from '../lib/model/kind.ts';

export interface Schema {
  type?: string;
  description?: string;
  format?: string;
  pattern?: string;
  enum?: string[];
  default?: unknown;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: Schema | boolean;
  [key: string]: unknown;
}

export interface Crd {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  spec: { versions: [{ schema: { openAPIV3Schema: Schema } } & Record<string, unknown>] } & Record<string, unknown>;
}

const schemaSchema: z.ZodType<Schema> = z.looseObject({});

/** Keywords of zod's output that the API server refuses or has no use for. */
const dropped = new Set(['$schema', 'propertyNames', 'contentEncoding', '~standard', 'id']);

/** What Kubernetes asks of a schema beyond OpenAPI: see the comments at each line. */
function structural(schema: Schema): Schema {
  const result: Schema = {};
  for (const [key, value] of Object.entries(schema)) if (!dropped.has(key)) result[key] = value;
  // zod marks base64 by a pattern of its own beside the format; the API server decodes `byte`.
  if (result.format === 'base64') {
    result.format = 'byte';
    delete result.pattern;
  }
  if (result.type === 'integer') {
    result.format = 'int64';
    if (result.maximum === Number.MAX_SAFE_INTEGER) delete result.maximum;
    if (result.minimum === Number.MIN_SAFE_INTEGER) delete result.minimum;
  }
  if (result.properties) {
    // `additionalProperties: false` beside `properties` is forbidden; unknown fields are pruned anyway.
    delete result.additionalProperties;
    result.properties = Object.fromEntries(
      Object.entries(result.properties).map(([name, inner]) => [name, structural(inner)]),
    );
    // The API server leaves them out, and kubectl would find a change each time.
    if (Object.keys(result.properties).length === 0) delete result.properties;
  }
  if (result.items) result.items = structural(result.items);
  if (typeof result.additionalProperties === 'object')
    result.additionalProperties = structural(result.additionalProperties);
  return result;
}

function schemaOf(schema: z.ZodType): Schema {
  return structural(schemaSchema.parse(z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input' })));
}

/** What a definition says of its kind, whatever its spec is. */
export type Described = Pick<
  KindDefinition<string, z.ZodType>,
  'kind' | 'plural' | 'shortNames' | 'description' | 'spec' | 'columns'
> & { rules: readonly { cel: string; message: string; field: string }[] };

export function crdOf(definition: Described, status: z.ZodType): Crd {
  const { kind } = definition;
  const name = `${definition.plural}.${GROUP}`;
  const validations = definition.rules.map(({ cel, message, field }) => ({
    rule: cel,
    message,
    // The API server knows no path below metadata.
    ...(field.startsWith('spec') && { fieldPath: `.${field}` }),
  }));
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: {
        kind,
        listKind: `${kind}List`,
        plural: definition.plural,
        singular: kind.toLowerCase(),
        shortNames: [...definition.shortNames],
        categories: ['keptn'],
      },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: definition.columns.map((column) => ({ ...column })),
          schema: {
            openAPIV3Schema: {
              type: 'object',
              description: definition.description,
              required: ['spec'],
              'x-kubernetes-validations': validations,
              properties: {
                apiVersion: { type: 'string' },
                kind: { type: 'string' },
                metadata: { type: 'object' },
                spec: schemaOf(definition.spec),
                status: schemaOf(status),
              },
            },
          },
        },
      ],
    },
  };
}
