import { z } from 'zod';
import { commonColumns, commonFields, defineKind, valueReference } from './kind.ts';
import { dnsLabel, MAIN_BRANCH } from './names.ts';

/** One stage in the spelling of shipyard.yaml, so that a shipyard file can be pasted. */
export const shipyardStageSchema = z.object({
  name: dnsLabel.describe('Name of the stage and of its Git branch.'),
  deployment_strategy: z
    .enum(['direct', 'blue_green_service', 'blue_green', 'canary'])
    .describe('How a service is deployed: direct replaces it; the others run a canary beside the primary.'),
  test_strategy: z
    .enum(['functional', 'performance', 'real-user'])
    .optional()
    .describe('Which tests run after a deployment.'),
  approval_strategy: z
    .enum(['automatic', 'manual'])
    .optional()
    .describe('manual: an artifact waits for a person before it is deployed here.'),
  remediation_strategy: z.enum(['automated']).optional().describe('automated: problems in this stage are remediated.'),
});
export type ShipyardStage = z.infer<typeof shipyardStageSchema>;

/** A shipyard: the stages of a project. */
export const shipyardSchema = z.object({
  stages: z
    .array(shipyardStageSchema)
    .min(1)
    .max(50)
    .refine((stages) => new Set(stages.map((stage) => stage.name)).size === stages.length, 'names a stage twice')
    .describe('The stages in the order of promotion.')
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }),
});

export const projectDefinition = defineKind({
  kind: 'Project',
  plural: 'projects',
  shortNames: ['kproj'],
  description:
    'A Keptn project: one Git repository, whose main branch has shipyard.yaml, with one branch a stage. ' +
    "The object's name is the project's name.",
  spec: z.object({
    shipyard: shipyardSchema
      .optional()
      .describe(
        'The stages. The operator then owns a Stage object for each; without it, Stage objects make the shipyard.',
      ),
    upstream: z
      .object({
        url: z
          .string()
          .max(2048)
          .regex(/^https?:\/\/[^\s@?#]+$/)
          .describe('Address of the repository, without user and token; http only where the installation allows it.'),
        user: z.string().min(1).max(256).default('keptn').describe('User for the token; most servers take any.'),
        tokenRef: valueReference('Secret').describe('The token. It is read again every minute.'),
      })
      .optional()
      .describe(
        'A Git repository elsewhere, empty or filled, that the project begins with and follows: every commit is ' +
          'pushed there, and what others push there is taken in.',
      ),
    ...commonFields,
  }),
  columns: [{ name: 'Stages', type: 'string', jsonPath: '.status.stageOrder' }, ...commonColumns],
  rules: [
    {
      field: 'metadata.name',
      cel: "self.metadata.name.size() <= 63 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
      message: 'metadata.name is the name of the Keptn project and must be a DNS label that begins with a letter',
      check: (object) => dnsLabel.safeParse(object.metadata.name).success,
    },
    {
      field: 'spec.shipyard.stages',
      cel: `!has(self.spec.shipyard) || self.spec.shipyard.stages.all(stage, stage.name != '${MAIN_BRANCH}')`,
      message: `spec.shipyard.stages: "${MAIN_BRANCH}" is the branch of the project itself; choose another name`,
      check: (object) => !object.spec.shipyard?.stages.some((stage) => stage.name === MAIN_BRANCH),
    },
  ],
  claim: (object) => object.metadata.name,
  project: (object) => object.metadata.name,
});
