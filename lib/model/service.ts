import { z } from 'zod';
import { commonColumns, commonFields, defineKind, immutable } from './kind.ts';
import { dnsLabel } from './names.ts';
import { keptnName, namedByObject } from './stage.ts';

const spec = z.object({
  project: dnsLabel.describe('Name of the Project, in the same namespace.'),
  name: dnsLabel.optional().describe("Name of the service and of its folder in Git; the object's name by default."),
  artifact: z
    .object({
      image: z
        .string()
        .max(512)
        .regex(
          /^[^\s@]+(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|@sha256:[a-f0-9]{64})$/,
          'must be an image with a tag or a digest, such as docker.io/keptnexamples/carts:0.10.1',
        )
        .describe('Container image with a tag or digest.'),
    })
    .optional()
    .describe('What is delivered: changing it starts the delivery in the first stage.'),
  deploymentStrategies: z
    .record(z.string(), z.enum(['direct', 'duplicate']))
    .optional()
    .describe('Strategy by stage name, or "*" for every stage; by default as the stages say.'),
  rollback: z
    .enum(['OnFailure', 'Never'])
    .optional()
    .describe(
      'OnFailure: where a service is deployed directly and its evaluation fails, the last good version comes back. ' +
        'Blue/green deployments always do so.',
    ),
  ...commonFields,
});

export const serviceDefinition = defineKind({
  kind: 'Service',
  plural: 'services',
  shortNames: ['kservice'],
  description: 'A service of a Keptn project: a folder on the branch of every stage, and the artifact to deliver.',
  spec,
  columns: [
    { name: 'Project', type: 'string', jsonPath: '.spec.project' },
    { name: 'Artifact', type: 'string', jsonPath: '.spec.artifact.image' },
    { name: 'Stage', type: 'string', jsonPath: '.status.delivery.stage' },
    { name: 'Phase', type: 'string', jsonPath: '.status.delivery.phase' },
    { name: 'Score', type: 'number', jsonPath: '.status.delivery.score' },
    { name: 'Delivered', type: 'string', jsonPath: '.status.conditions[?(@.type=="Delivered")].status', priority: 1 },
    { name: 'Delivery', type: 'string', jsonPath: '.status.conditions[?(@.type=="Delivered")].message', priority: 1 },
    { name: 'Context', type: 'string', jsonPath: '.status.keptnContext', priority: 1 },
    ...commonColumns,
  ],
  rules: [immutable('project'), immutable('name'), namedByObject()],
  claim: (object) => `${object.spec.project}/${keptnName(object)}`,
  project: (object) => object.spec.project,
});
