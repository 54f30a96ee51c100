import { z } from 'zod';
import { commonColumns, commonFields, defineKind, immutable, valueReference } from './kind.ts';
import { dnsLabel, MAX_CONTENT_BYTES, resourceUri, staysInside } from './names.ts';

const reference = (kind: string) =>
  valueReference(kind)
    .optional()
    .describe(`The content is the value of a ${kind}'s key; it is read again every minute.`);

const spec = z.object({
  project: dnsLabel.describe('Name of the Project, in the same namespace.'),
  stage: dnsLabel
    .optional()
    .describe('Name of the stage; without it the main branch, or every stage when there is a service.'),
  service: dnsLabel.optional().describe('Name of the service whose folder has the file.'),
  uri: resourceUri.describe(
    'Path of the file below the project, stage or service folder, such as helm/carts/values.yaml.',
  ),
  text: z.string().max(MAX_CONTENT_BYTES).optional().describe('The content as text.'),
  base64: z
    .base64()
    .max(Math.ceil(MAX_CONTENT_BYTES / 3) * 4)
    .optional()
    .describe('The content in base64.'),
  configMapRef: reference('ConfigMap'),
  secretRef: reference('Secret'),
  ...commonFields,
});

/** The fields of a Resource of which exactly one is set. */
export const contentFields = ['text', 'base64', 'configMapRef', 'secretRef'] as const;

export const resourceDefinition = defineKind({
  kind: 'Resource',
  plural: 'resources',
  shortNames: ['kres'],
  description:
    'A file in Git, at project, stage or service level. With a service and no stage it is a default: every stage gets it.',
  spec,
  columns: [
    { name: 'Project', type: 'string', jsonPath: '.spec.project' },
    { name: 'Stage', type: 'string', jsonPath: '.spec.stage' },
    { name: 'Service', type: 'string', jsonPath: '.spec.service' },
    { name: 'URI', type: 'string', jsonPath: '.spec.uri' },
    ...commonColumns,
  ],
  rules: [
    immutable('project'),
    immutable('stage'),
    immutable('service'),
    immutable('uri'),
    {
      field: 'spec',
      cel: `[${contentFields.map((field) => `has(self.spec.${field})`).join(', ')}].filter(x, x).size() == 1`,
      message: `exactly one of ${contentFields.join(', ')} must be set`,
      check: (object) => contentFields.filter((field) => object.spec[field] !== undefined).length === 1,
    },
    {
      field: 'spec.uri',
      cel: "!self.spec.uri.split('/').exists(s, s == '.' || s == '..' || s.lowerAscii() == '.git')",
      message: 'spec.uri must not have a segment ".", ".." or ".git"',
      check: (object) => staysInside(object.spec.uri),
    },
  ],
  claim: (object) =>
    [object.spec.project, object.spec.stage ?? '', object.spec.service ?? '', object.spec.uri].join('|'),
  project: (object) => object.spec.project,
});

/** True for a file of a service's Helm chart: a change of it is a change of what runs. */
export function isChart(resource: { service?: string | undefined; uri: string }): boolean {
  return resource.service !== undefined && resource.uri.startsWith('helm/');
}
