/** The OpenAPI 3.1 document of declared routes. */
import { z } from 'zod';
import type { JsonRoute, Route } from './route.ts';

export interface DocumentInfo {
  title: string;
  description: string;
  version: string;
  /** Header of the token that all calls need; without it none does. */
  tokenHeader?: string;
}

/** A JSON schema, as far as this file looks into it. */
type Schema = Record<string, unknown>;

const errorSchema = z
  .strictObject({
    code: z.int().describe('The status, or for a field that is not valid the number of the problem.'),
    message: z.string().describe('What is wrong, and what to do.'),
  })
  .meta({ id: 'Error' });

const parameterSchema = z.object({
  properties: z.record(z.string(), z.looseObject({ description: z.string().optional() })).default({}),
  required: z.array(z.string()).default([]),
});

export function openApiDocument(routes: readonly Route[], { tokenHeader, ...info }: DocumentInfo): Schema {
  const components: Record<string, Schema> = {};
  const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): Schema => share(schema, io, components);
  const paths: Record<string, Record<string, Schema>> = {};
  for (const route of routes) {
    if (route.kind !== 'json') continue;
    (paths[route.path] ??= {})[route.method] = operationOf(route, schemaOf);
  }
  const security = tokenHeader && {
    security: [{ token: [] }],
    components: {
      schemas: components,
      securitySchemes: { token: { type: 'apiKey', in: 'header', name: tokenHeader } },
    },
  };
  return { openapi: '3.1.0', info, paths, components: { schemas: components }, ...security };
}

type SchemaOf = (schema: z.ZodType, io: 'input' | 'output') => Schema;

function operationOf(route: JsonRoute, schemaOf: SchemaOf): Schema {
  const error = {
    description: 'Refused',
    content: { 'application/json': { schema: schemaOf(errorSchema, 'output') } },
  };
  const answers = Object.entries(route.answers).map(([status, schema]) => [
    status,
    {
      description: Number(status) < 300 ? 'Done' : 'Not modified',
      ...(schema && { content: { 'application/json': { schema: schemaOf(schema, 'output') } } }),
    },
  ]);
  const body = route.body && {
    requestBody: { required: true, content: { 'application/json': { schema: schemaOf(route.body.schema, 'input') } } },
  };
  return {
    operationId: operationId(route),
    tags: [route.tag],
    summary: route.summary,
    parameters: [
      ...parametersOf(route.params, 'path'),
      ...parametersOf(route.query, 'query'),
      ...Object.entries(route.headers ?? {}).map(([name, description]) => ({
        name,
        in: 'header',
        description,
        schema: { type: 'string' },
      })),
    ],
    ...body,
    responses: { ...Object.fromEntries(answers), default: error },
  };
}

function parametersOf(schema: z.ZodType | undefined, place: 'path' | 'query'): Schema[] {
  if (!schema) return [];
  const { properties, required } = parameterSchema.parse(jsonSchema(schema, 'input'));
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(description !== undefined && { description }),
    schema: rest,
  }));
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Schema {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  void $schema;
  return rest;
}

const sharedSchema = z.looseObject({ $defs: z.record(z.string(), z.looseObject({})).default({}) });

/** The schema, where those that have an id stand in `components` and are referred to. */
function share(schema: z.ZodType, io: 'input' | 'output', components: Record<string, Schema>): Schema {
  const text = JSON.stringify(jsonSchema(schema, io)).replaceAll('"#/$defs/', '"#/components/schemas/');
  const { $defs, ...own } = sharedSchema.parse(JSON.parse(text));
  Object.assign(components, $defs);
  return own;
}

/** `getV1ProjectByProjectName` for GET /v1/project/{projectName}. */
function operationId({ method, path }: JsonRoute): string {
  const words = path.replace(/\{(\w+)\}/g, 'By/$1').split(/[/-]/);
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}
