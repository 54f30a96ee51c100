import { z } from 'zod';
import { commonColumns, commonFields, defineKind, immutable, type Candidate, type Rule } from './kind.ts';
import { dnsLabel, MAIN_BRANCH } from './names.ts';
import { shipyardStageSchema } from './project.ts';

const spec = z.object({
  project: dnsLabel.describe('Name of the Project, in the same namespace.'),
  name: dnsLabel.optional().describe("Name of the stage and of its Git branch; the object's name by default."),
  order: z
    .int()
    .min(0)
    .max(1000)
    .default(0)
    .describe('Place in the order of promotion among Stage objects written by hand; equal places go by name.'),
  deploymentStrategy: shipyardStageSchema.shape.deployment_strategy.default('direct'),
  testStrategy: shipyardStageSchema.shape.test_strategy,
  approvalStrategy: shipyardStageSchema.shape.approval_strategy,
  remediationStrategy: shipyardStageSchema.shape.remediation_strategy,
  ...commonFields,
});

/** The rule of kinds whose Keptn name is `spec.name` or else the object's name: the latter then must fit. */
export function namedByObject<Spec extends { name?: string | undefined }>(): Rule<Spec> {
  return {
    field: 'spec.name',
    cel: "has(self.spec.name) || (self.metadata.name.size() <= 63 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$'))",
    message: 'without spec.name, metadata.name must be a DNS label that begins with a letter',
    check: (object) => object.spec.name !== undefined || dnsLabel.safeParse(object.metadata.name).success,
  };
}

/** The name in Keptn: `spec.name`, or else the object's name. */
export function keptnName(object: Candidate<{ name?: string | undefined }>): string {
  return object.spec.name ?? object.metadata.name;
}

export const stageDefinition = defineKind({
  kind: 'Stage',
  plural: 'stages',
  shortNames: ['kstage'],
  description:
    'A stage of a Keptn project: a branch of its Git repository. Made by the operator where the Project has ' +
    'spec.shipyard; written by hand otherwise.',
  spec,
  columns: [
    { name: 'Project', type: 'string', jsonPath: '.spec.project' },
    { name: 'Strategy', type: 'string', jsonPath: '.spec.deploymentStrategy' },
    { name: 'Tests', type: 'string', jsonPath: '.spec.testStrategy', priority: 1 },
    ...commonColumns,
  ],
  rules: [
    immutable('project'),
    immutable('name'),
    namedByObject(),
    {
      field: 'spec.name',
      cel: `(has(self.spec.name) ? self.spec.name : self.metadata.name) != '${MAIN_BRANCH}'`,
      message: `"${MAIN_BRANCH}" is the branch of the project itself; choose another name`,
      check: (object) => keptnName(object) !== MAIN_BRANCH,
    },
  ],
  claim: (object) => `${object.spec.project}/${keptnName(object)}`,
  project: (object) => object.spec.project,
});
