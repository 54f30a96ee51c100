/** shipyard.yaml and the Stage objects that stand for it. */
import { stringify } from 'yaml';
import type { Stored } from './object.ts';
import type { ShipyardStage } from './project.ts';
import { keptnName } from './stage.ts';

/** The stages of a project in the order of promotion: from spec.shipyard, or else from the Stage objects. */
export function shipyardStages(project: Stored<'Project'>, stages: readonly Stored<'Stage'>[]): ShipyardStage[] {
  if (project.spec.shipyard) return project.spec.shipyard.stages;
  return stages
    .filter((stage) => stage.metadata.deletionTimestamp === undefined)
    .toSorted((a, b) => a.spec.order - b.spec.order || keptnName(a).localeCompare(keptnName(b)))
    .map((stage) => ({
      name: keptnName(stage),
      deployment_strategy: stage.spec.deploymentStrategy,
      ...(stage.spec.testStrategy && { test_strategy: stage.spec.testStrategy }),
      ...(stage.spec.approvalStrategy && { approval_strategy: stage.spec.approvalStrategy }),
      ...(stage.spec.remediationStrategy && { remediation_strategy: stage.spec.remediationStrategy }),
    }));
}

export function shipyardYaml(stages: readonly ShipyardStage[]): string {
  return stringify({ stages });
}

/** `direct` or `duplicate`, as events and charts call the strategies of a shipyard. */
export function helmStrategy(stage: ShipyardStage): 'direct' | 'duplicate' {
  return stage.deployment_strategy === 'direct' ? 'direct' : 'duplicate';
}
