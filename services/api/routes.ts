/** The calls of 0.6.2's api, and reading beyond it: what people declare, what has happened. */
import { randomUUID } from 'node:crypto';
import { Terminal } from '../../lib/errors/classes.ts';
import { answer, route, stream, type Route } from '../../lib/http/route.ts';
import { ownVersion } from '../../lib/observe/version.ts';
import { traced } from '../../lib/observe/trace.ts';
import { z } from 'zod';
import { channelToken } from './channel-token.ts';
import { ask } from '../../lib/http/ask.ts';
import type { Declarations } from './declare.ts';
import { exposeBridge, type Installation } from './expose-bridge.ts';
import { Forwarder } from '../../lib/http/forward.ts';
import {
  appliedAnswer,
  eventBody,
  eventContext,
  metadataAnswer,
  objectAnswer,
  objectBody,
  objectParams,
  projectBody,
  projectParams,
  serviceBody,
} from './schemas.ts';

export interface Places {
  configuration: string;
  eventbroker: string;
  datastore: string;
}

const version = ownVersion();
const SOURCE = 'https://github.com/keptn/keptn/api';
const accepted = z.object({ keptnContext: z.string() });
const found = z.object({ events: z.array(z.record(z.string(), z.unknown())).nullable() });

/** The calls that are described: one place says what they take and give. */
export function apiRoutes(
  declarations: Declarations,
  { eventbroker }: Places,
  token: string,
  installation: Installation | undefined,
): Route[] {
  const context = async (keptnContext: string) =>
    answer(200, { body: { keptnContext, token: await channelToken(keptnContext, token) } });
  return [
    route({
      method: 'post',
      path: '/v1/auth',
      tag: 'Access',
      summary: 'Says whether the token is right',
      answers: { 200: null },
      handle: async () => answer(200),
    }),
    route({
      method: 'get',
      path: '/v1/metadata',
      tag: 'Access',
      summary: 'Shows which Keptn this is',
      answers: { 200: metadataAnswer },
      async handle() {
        return answer(200, { body: { keptnversion: version, namespace: declarations.namespace } });
      },
    }),
    route({
      method: 'post',
      path: '/v1/event',
      tag: 'Events',
      summary: 'Sends an event; answered when it is stored',
      body: { name: 'event', schema: eventBody },
      answers: { 200: eventContext },
      async handle({ body }) {
        // As 0.6.2: the time is ours, since its command line sends the year 1.
        const [time, shkeptncontext] = [new Date().toISOString(), body.shkeptncontext || randomUUID()];
        const event = { specversion: '0.2', ...body, source: body.source || SOURCE, time, shkeptncontext };
        const { keptnContext } = await traced({ name: `receive ${body.type}`, context: shkeptncontext }, () =>
          ask({ name: 'eventbroker', url: eventbroker, ms: 10_000 }, accepted, {
            method: 'POST',
            headers: { 'content-type': 'application/cloudevents+json' },
            body: JSON.stringify(event),
          }),
        );
        return context(keptnContext);
      },
    }),
    route({
      method: 'post',
      path: '/v1/project',
      tag: 'Projects',
      summary: 'Makes a project',
      body: { name: 'project', schema: projectBody },
      answers: { 200: eventContext },
      async handle({ body }) {
        return context(await declarations.createProject(body));
      },
    }),
    route({
      method: 'delete',
      path: '/v1/project/{projectName}',
      tag: 'Projects',
      summary: 'Deletes a project with all that was made of it',
      params: projectParams,
      answers: { 200: eventContext },
      async handle({ params }) {
        return context(await declarations.deleteProject(params.projectName));
      },
    }),
    route({
      method: 'post',
      path: '/v1/project/{projectName}/service',
      tag: 'Projects',
      summary: 'Makes a service, with a chart where one is given',
      params: projectParams,
      body: { name: 'service', schema: serviceBody },
      answers: { 200: eventContext },
      async handle({ params, body }) {
        return context(await declarations.createService(params.projectName, body));
      },
    }),
    route({
      method: 'post',
      path: '/v1/configure/bridge/expose',
      tag: 'Access',
      summary: 'Has the Bridge reached from outside, or no more; answers with its host',
      body: { name: 'expose', schema: z.boolean() },
      answers: { 200: z.string() },
      async handle({ body }) {
        return answer(200, { body: await exposeBridge(installation, body) });
      },
    }),
    route({
      method: 'put',
      path: '/v1/object',
      tag: 'Objects',
      summary: 'Applies a custom resource, as kubectl apply does',
      body: { name: 'object', schema: objectBody },
      answers: { 200: appliedAnswer },
      async handle({ body }) {
        return answer(200, { body: await declarations.apply(body) });
      },
    }),
    route({
      method: 'get',
      path: '/v1/object/{kind}/{name}',
      tag: 'Objects',
      summary: 'Shows how far a custom resource is',
      params: objectParams,
      answers: { 200: objectAnswer },
      async handle({ params: { kind, name } }) {
        return answer(200, { body: declarations.read(kind, name) });
      },
    }),
  ];
}

const methods = ['get', 'post', 'put', 'delete'] as const;
const project = '/v1/project/:projectName';
const stage = `${project}/stage/:stage`;
/** What 0.6.2's gateway handed on besides `/configuration-service`. */
const resources = [project, stage, `${stage}/service/:service`, `${project}/service/:service`].flatMap((path) => [
  `${path}/resource`,
  `${path}/resource/*rest`,
]);
/** Reads that need no other door than this one. */
const reads = [
  '/v1/project',
  project,
  `${project}/compare`,
  `${project}/stage`,
  stage,
  `${stage}/service`,
  `${stage}/service/:service`,
];

/** Requests that go to another service as they are. */
export function forwardedRoutes({ configuration, datastore }: Places): { routes: Route[]; close: () => void } {
  const toConfiguration = new Forwarder(configuration);
  const toDatastore = new Forwarder(datastore);
  const prefix = '/configuration-service';
  const routes = [
    stream('get', '/v1/event', async (request, response) => {
      const { keptnContext, type, ...others } = request.query;
      // 0.6.2's command line sends it along.
      delete others['pageSize'];
      // As 0.6.2: with these two alone it is one event, the newest.
      if (typeof keptnContext !== 'string' || typeof type !== 'string' || Object.keys(others).length > 0) {
        return toDatastore.forward(request.originalUrl.replace(/^\/v1/, ''), request, response);
      }
      const newest = new URLSearchParams({ keptnContext, type, pageSize: '1' });
      const part = { name: 'datastore', url: `${datastore}/event?${newest.toString()}`, ms: 20_000 };
      const [event] = (await ask(part, found)).events ?? [];
      if (!event) throw new Terminal('NotFound', `No Keptn ${type} event found for context: ${keptnContext}`);
      response.json(event);
    }),
    stream('get', '/v1/log', (request, response) =>
      toDatastore.forward(request.originalUrl.replace(/^\/v1/, ''), request, response),
    ),
    ...reads.map((path) =>
      stream('get', path, (request, response) => toConfiguration.forward(request.originalUrl, request, response)),
    ),
    ...methods.flatMap((method) => [
      ...resources.map((path) =>
        stream(method, path, (request, response) => toConfiguration.forward(request.originalUrl, request, response)),
      ),
      stream(method, `${prefix}/*path`, (request, response) =>
        toConfiguration.forward(request.originalUrl.slice(prefix.length), request, response),
      ),
    ]),
  ];
  const close = (): void => {
    toConfiguration.close();
    toDatastore.close();
  };
  return { routes, close };
}
