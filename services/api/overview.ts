/** `GET /v1/overview` and `GET /v1/project/{projectName}/overview`: where everything is, from the objects in memory. */
import { z } from 'zod';
import { overviewSchema, summaryOf, summarySchema, type Overview } from '../../lib/delivery/overview.ts';
import { Terminal } from '../../lib/errors/classes.ts';
import { answer, route, type Route } from '../../lib/http/route.ts';
import type { Stored } from '../../lib/model/object.ts';
import { shipyardStages } from '../../lib/model/shipyard.ts';
import { keptnName } from '../../lib/model/stage.ts';
import { findCondition } from '../../lib/model/status.ts';
import type { ObjectView } from '../../lib/resources/view.ts';
import { projectParams } from './schemas.ts';

/** `namespace`: where the api makes objects, of which it tells. */
export function overviewRoutes(objects: ObjectView, namespace: string): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/overview',
      tag: 'Overview',
      summary: 'Sums up each project: its stages in figures, and what has stopped or waits for somebody',
      answers: { 200: z.strictObject({ projects: z.array(summarySchema) }).meta({ id: 'Overview' }) },
      async handle() {
        const projects = objects
          .list('Project')
          .filter(({ metadata }) => metadata.namespace === namespace)
          .toSorted((a, b) => a.metadata.name.localeCompare(b.metadata.name));
        return answer(200, { body: { projects: projects.map((one) => summaryOf(overviewOf(one, objects))) } });
      },
    }),
    route({
      method: 'get',
      path: '/v1/project/{projectName}/overview',
      tag: 'Overview',
      summary: 'Tells what each service of a project has in each stage',
      params: projectParams,
      answers: { 200: overviewSchema },
      async handle({ params: { projectName: name } }) {
        const project = objects.get('Project', { namespace, name });
        if (!project) throw new Terminal('NotFound', `Project ${name} does not exist`);
        return answer(200, { body: overviewOf(project, objects) });
      },
    }),
  ];
}

function overviewOf(project: Stored<'Project'>, objects: ObjectView): Overview {
  const { name, namespace } = project.metadata;
  const stages = objects.ofProject('Stage', namespace, name);
  const services = objects.ofProject('Service', namespace, name);
  const unready = [project, ...stages, ...services].find(
    ({ status }) => findCondition(status, 'Ready')?.status === 'False',
  );
  const condition = findCondition(unready?.status, 'Ready');
  return {
    project: name,
    ready: unready === undefined,
    message: unready ? `${unready.kind} ${unready.metadata.name}: ${condition?.message ?? ''}` : '',
    upstream: project.status?.upstream,
    stages: shipyardStages(project, stages).map((stage) => ({
      name: stage.name,
      deploymentStrategy: stage.deployment_strategy,
      testStrategy: stage.test_strategy,
      approvalStrategy: stage.approval_strategy,
      remediationStrategy: stage.remediation_strategy,
    })),
    services: services
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map((service) => ({
        name: keptnName(service),
        object: { namespace, name: service.metadata.name },
        artifact: service.spec.artifact?.image,
        stages: service.status?.stages ?? [],
      }))
      .toSorted((a, b) => a.name.localeCompare(b.name)),
  };
}
