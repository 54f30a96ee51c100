/** The routes of projects, stages and services. */
import type { z } from 'zod';
import { FieldError } from '../../lib/http/validate.ts';
import { answer, route, type Route } from '../../lib/http/route.ts';
import { originOf } from './cause.ts';
import type { Projects } from './repository.ts';
import {
  cut,
  pageQuery,
  projectAnswer,
  projectBody,
  projectParams,
  projectsAnswer,
  serviceAnswer,
  serviceBody,
  serviceParams,
  servicesAnswer,
  stageAnswer,
  stageBody,
  stageParams,
  stagesAnswer,
  syncQuery,
} from './schemas.ts';
import type { BeforeRead } from './service.ts';
import type { Upstream } from './upstream/credentials.ts';

const project = '/v1/project/{projectName}';
const stage = `${project}/stage/{stageName}`;
const service = `${stage}/service/{serviceName}`;

/** For servers that look at the token alone. */
const DEFAULT_USER = 'keptn';

const done = answer(204);
const nothing = { 204: null } as const;
/** 0.6.2 never fills in the services. */
const showStage = (stageName: string) => ({ services: null, stageName });

export function projectRoutes(projects: Projects, beforeRead: BeforeRead): Route[] {
  const showProject = async (projectName: string) => ({
    projectName,
    stages: (await projects.stages(projectName)).map(showStage),
  });

  return [
    route({
      method: 'post',
      path: '/v1/project',
      tag: 'Projects',
      summary: 'Makes a project',
      body: { name: 'project', schema: projectBody },
      answers: nothing,
      async handle({ body, headers }) {
        await projects.create(body.projectName, originOf(headers), upstreamIn(body) ?? undefined);
        return done;
      },
    }),
    route({
      method: 'get',
      path: '/v1/project',
      tag: 'Projects',
      summary: 'Lists the projects',
      query: pageQuery,
      answers: { 200: projectsAnswer },
      async handle({ query }) {
        return answer(200, { body: await cut('projects', await projects.list(), query, showProject) });
      },
    }),
    route({
      method: 'get',
      path: project,
      tag: 'Projects',
      summary: 'Shows a project',
      params: projectParams,
      query: syncQuery,
      answers: { 200: projectAnswer },
      async handle({ params, query }) {
        const headers = await beforeRead(params.projectName, query.disableUpstreamSync);
        const upstream = await projects.upstream(params.projectName);
        const body = {
          ...(await showProject(params.projectName)),
          ...(upstream && { gitRemoteURI: upstream.url, gitUser: upstream.user, upstream: upstream.status }),
        };
        return answer(200, { headers, body });
      },
    }),
    route({
      method: 'put',
      path: project,
      tag: 'Projects',
      summary: 'Changes the upstream of a project',
      params: projectParams,
      body: { name: 'project', schema: projectBody },
      answers: nothing,
      async handle({ params, body }) {
        requireSame('projectName', params.projectName, body.projectName);
        await projects.update(params.projectName, upstreamIn(body));
        return done;
      },
    }),
    route({
      method: 'delete',
      path: project,
      tag: 'Projects',
      summary: 'Removes a project with its repository',
      params: projectParams,
      answers: nothing,
      async handle({ params }) {
        await projects.remove(params.projectName);
        return done;
      },
    }),
    route({
      method: 'post',
      path: `${project}/stage`,
      tag: 'Stages',
      summary: 'Makes a stage: a branch',
      params: projectParams,
      body: { name: 'stage', schema: stageBody },
      answers: nothing,
      async handle({ params, body }) {
        await projects.createStage(params.projectName, body.stageName);
        return done;
      },
    }),
    route({
      method: 'get',
      path: `${project}/stage`,
      tag: 'Stages',
      summary: 'Lists the stages',
      params: projectParams,
      query: pageQuery,
      answers: { 200: stagesAnswer },
      async handle({ params, query }) {
        const headers = await beforeRead(params.projectName, query.disableUpstreamSync);
        const body = await cut('stages', await projects.stages(params.projectName), query, showStage);
        return answer(200, { headers, body });
      },
    }),
    route({
      method: 'get',
      path: stage,
      tag: 'Stages',
      summary: 'Shows a stage',
      params: stageParams,
      query: syncQuery,
      answers: { 200: stageAnswer },
      async handle({ params, query }) {
        const headers = await beforeRead(params.projectName, query.disableUpstreamSync);
        await projects.requireStage(params.projectName, params.stageName);
        return answer(200, { headers, body: showStage(params.stageName) });
      },
    }),
    route({
      method: 'put',
      path: stage,
      tag: 'Stages',
      summary: 'Changes nothing: a stage has but its name',
      params: stageParams,
      body: { name: 'stage', schema: stageBody },
      answers: nothing,
      async handle({ params, body }) {
        requireSame('stageName', params.stageName, body.stageName);
        await projects.requireStage(params.projectName, params.stageName);
        return done;
      },
    }),
    route({
      method: 'delete',
      path: stage,
      tag: 'Stages',
      summary: 'Removes a stage with its branch',
      params: stageParams,
      answers: nothing,
      async handle({ params }) {
        await projects.removeStage(params.projectName, params.stageName);
        return done;
      },
    }),
    route({
      method: 'post',
      path: `${stage}/service`,
      tag: 'Services',
      summary: 'Makes a service: a folder on the branch of a stage',
      params: stageParams,
      body: { name: 'service', schema: serviceBody },
      answers: nothing,
      async handle({ params, body, headers }) {
        await projects.createService(params.projectName, params.stageName, body.serviceName, originOf(headers));
        return done;
      },
    }),
    route({
      method: 'get',
      path: `${stage}/service`,
      tag: 'Services',
      summary: 'Lists the services of a stage',
      params: stageParams,
      query: pageQuery,
      answers: { 200: servicesAnswer },
      async handle({ params, query }) {
        const headers = await beforeRead(params.projectName, query.disableUpstreamSync);
        const all = await projects.services(params.projectName, params.stageName);
        return answer(200, { headers, body: await cut('services', all, query, (serviceName) => ({ serviceName })) });
      },
    }),
    route({
      method: 'get',
      path: service,
      tag: 'Services',
      summary: 'Shows a service',
      params: serviceParams,
      query: syncQuery,
      answers: { 200: serviceAnswer },
      async handle({ params, query }) {
        const headers = await beforeRead(params.projectName, query.disableUpstreamSync);
        const { projectName, stageName, serviceName } = params;
        await projects.requireService(projectName, stageName, serviceName);
        return answer(200, { headers, body: { serviceName } });
      },
    }),
    route({
      method: 'put',
      path: service,
      tag: 'Services',
      summary: 'Changes nothing: a service has but its name',
      params: serviceParams,
      body: { name: 'service', schema: serviceBody },
      answers: nothing,
      async handle({ params, body }) {
        requireSame('serviceName', params.serviceName, body.serviceName);
        await projects.requireService(params.projectName, params.stageName, params.serviceName);
        return done;
      },
    }),
    route({
      method: 'delete',
      path: service,
      tag: 'Services',
      summary: 'Removes a service with its folder',
      params: serviceParams,
      answers: nothing,
      async handle({ params, headers }) {
        const { projectName, stageName, serviceName } = params;
        await projects.removeService(projectName, stageName, serviceName, originOf(headers));
        return done;
      },
    }),
  ];
}

/** The upstream in a body: null when it is to be none, undefined when nothing is said of it. */
function upstreamIn({ gitRemoteURI, gitUser, gitToken }: z.output<typeof projectBody>): Upstream | null | undefined {
  if (!gitRemoteURI && (gitUser || gitToken)) throw new FieldError(602, 'gitRemoteURI in body is required');
  if (gitRemoteURI === '') return null;
  if (!gitRemoteURI) return undefined;
  if (!gitToken) throw new FieldError(602, 'gitToken in body is required');
  return { url: gitRemoteURI, user: gitUser || DEFAULT_USER, token: gitToken };
}

/** Renaming is not possible. */
function requireSame(field: string, inPath: string, inBody: string): void {
  if (inPath !== inBody) throw new FieldError(605, `${field} in body must be ${inPath}: renaming is not possible`);
}
