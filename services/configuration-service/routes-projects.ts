/** The routes of projects, stages and services. */
import type { Request, Response } from 'express';
import type { Route } from '../../lib/http/server.ts';
import { FieldError } from '../../lib/http/validate.ts';
import { originOf } from './cause.ts';
import { nameIn, pageOf, projectIn, serviceIn, stageIn } from './input.ts';
import { answerPage } from './paging.ts';
import type { Projects } from './repository.ts';

const project = '/v1/project/:project';
const stage = `${project}/stage/:stage`;
const service = `${stage}/service/:service`;

const projectAnswer = async (projects: Projects, name: string): Promise<object> => ({
  projectName: name,
  stages: (await projects.stages(name)).map(stageAnswer),
});
/** 0.6.2 never fills in the services. */
const stageAnswer = (stageName: string): object => ({ services: null, stageName });
const serviceAnswer = (serviceName: string): object => ({ serviceName });

export function projectRoutes(projects: Projects): Route[] {
  const names = (request: Request) => ({
    project: nameIn(request, 'project'),
    stage: 'stage' in request.params ? nameIn(request, 'stage') : '',
    service: 'service' in request.params ? nameIn(request, 'service') : '',
  });
  const done = (response: Response): void => void response.status(204).end();

  return [
    {
      method: 'post',
      path: '/v1/project',
      async handle(request, response) {
        await projects.create(projectIn(request), originOf(request.headers));
        done(response);
      },
    },
    {
      method: 'get',
      path: '/v1/project',
      async handle(request, response) {
        const all = await projects.list();
        await answerPage(response, 'projects', all, pageOf(request), (name) => projectAnswer(projects, name));
      },
    },
    {
      method: 'get',
      path: project,
      async handle(request, response) {
        response.json(await projectAnswer(projects, names(request).project));
      },
    },
    {
      method: 'put',
      path: project,
      async handle(request, response) {
        const name = nameIn(request, 'project');
        requireSame('projectName', name, projectIn(request));
        await projects.require(name);
        done(response);
      },
    },
    {
      method: 'delete',
      path: project,
      async handle(request, response) {
        await projects.remove(nameIn(request, 'project'));
        done(response);
      },
    },
    {
      method: 'post',
      path: `${project}/stage`,
      async handle(request, response) {
        await projects.createStage(nameIn(request, 'project'), stageIn(request));
        done(response);
      },
    },
    {
      method: 'get',
      path: `${project}/stage`,
      async handle(request, response) {
        const all = await projects.stages(nameIn(request, 'project'));
        await answerPage(response, 'stages', all, pageOf(request), async (name) => stageAnswer(name));
      },
    },
    {
      method: 'get',
      path: stage,
      async handle(request, response) {
        const at = names(request);
        await projects.requireStage(at.project, at.stage);
        response.json(stageAnswer(at.stage));
      },
    },
    {
      method: 'put',
      path: stage,
      async handle(request, response) {
        const at = names(request);
        requireSame('stageName', at.stage, stageIn(request));
        await projects.requireStage(at.project, at.stage);
        done(response);
      },
    },
    {
      method: 'delete',
      path: stage,
      async handle(request, response) {
        const at = names(request);
        await projects.removeStage(at.project, at.stage);
        done(response);
      },
    },
    {
      method: 'post',
      path: `${stage}/service`,
      async handle(request, response) {
        const at = names(request);
        await projects.createService(at.project, at.stage, serviceIn(request), originOf(request.headers));
        done(response);
      },
    },
    {
      method: 'get',
      path: `${stage}/service`,
      async handle(request, response) {
        const at = names(request);
        const all = await projects.services(at.project, at.stage);
        await answerPage(response, 'services', all, pageOf(request), async (name) => serviceAnswer(name));
      },
    },
    {
      method: 'get',
      path: service,
      async handle(request, response) {
        const at = names(request);
        await projects.requireService(at.project, at.stage, at.service);
        response.json(serviceAnswer(at.service));
      },
    },
    {
      method: 'put',
      path: service,
      async handle(request, response) {
        const at = names(request);
        requireSame('serviceName', at.service, serviceIn(request));
        await projects.requireService(at.project, at.stage, at.service);
        done(response);
      },
    },
    {
      method: 'delete',
      path: service,
      async handle(request, response) {
        const at = names(request);
        await projects.removeService(at.project, at.stage, at.service, originOf(request.headers));
        done(response);
      },
    },
  ];
}

/** A PUT has nothing to change but the name, and renaming is not possible. */
function requireSame(field: string, inPath: string, inBody: string): void {
  if (inPath !== inBody) throw new FieldError(605, `${field} in body must be ${inPath}: renaming is not possible`);
}
