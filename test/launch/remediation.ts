/** The services that remediate, in this process, and a project with a service that monitoring finds problems of. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { eventTypes, textIn, type KeptnEvent } from '../../lib/events/event.ts';
import { DryRun } from '../../services/helm-service/deployer/dry-run.ts';
import { gatekeeperService } from '../../services/gatekeeper-service/handler.ts';
import { helmService } from '../../services/helm-service/handler.ts';
import { remediationService } from '../../services/remediation-service/handler.ts';
import { providerInGit } from '../../services/lighthouse-service/configured/git.ts';
import { lighthouseService } from '../../services/lighthouse-service/handler.ts';
import { startInProcess, type InProcess } from './in-process.ts';

const shipyard = `stages:
  - { name: dev, deployment_strategy: direct }
  - { name: prod, deployment_strategy: blue_green_service, remediation_strategy: automated }
  - { name: edge, deployment_strategy: direct, remediation_strategy: automated }
`;
export const plan = `remediations:
  - name: Slow
    actions: [{ action: scaling, value: "+2" }]
  - name: Flood
    actions: [{ action: slowdown, value: 5s }]
  - name: Attack
    actions: [{ action: abort }]
  - name: Failures
    actions: [{ action: featuretoggle, value: "Promotion:off" }]
`;
export const DEPLOYMENT = 'templates/carts-primary-deployment.yaml';
export const ROUTES = 'templates/carts-istio-virtualservice.yaml';
export const VALUES = 'values.yaml';

const objectives = `objectives: [{ sli: errors, pass: [{ criteria: ['<10'] }] }]\ntotal_score: { pass: 90% }\n`;

const chart = {
  'helm/carts/Chart.yaml': 'apiVersion: v2\nname: carts\nversion: 0.1.0\n',
  'helm/carts/values.yaml': 'image: carts:1\nreplicaCount: 1 # one will do\n',
  'helm/carts/templates/deployment.yaml':
    'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: carts }\nspec: { replicas: {{ .Values.replicaCount }} }\n',
};
const generated = {
  'helm/carts-generated/Chart.yaml':
    'apiVersion: v2\nname: carts-generated\nversion: 0.1.0\nkeywords: [deployment_strategy=duplicate]\n',
  [`helm/carts-generated/${DEPLOYMENT}`]:
    'kind: Deployment\nmetadata: { name: carts-primary }\nspec:\n  replicas: 1 # as many as it takes\n',
  [`helm/carts-generated/${ROUTES}`]:
    'kind: VirtualService\nmetadata: { name: carts }\nspec:\n  http:\n    - route:\n        - { destination: { host: carts-primary }, weight: 100 }\n',
};

export interface Remedied extends InProcess {
  /** What Unleash was asked. */
  toggled: string[];
  /**
   * A new project whose carts runs in prod, and directly in edge; `remediation.yaml` in all stages. `errors`: what its
   * evaluations are to find, one after another; good are those below 10. Without, it has no objectives.
   */
  shop(remediation?: string, errors?: readonly number[]): Promise<string>;
  /** Tells of a problem of carts in prod; the keptn context. */
  problem(project: string, title: string, more?: object, context?: string): Promise<string>;
  /** A file of the chart that runs: of the generated one in prod, of its own in edge. */
  file(project: string, path: string): Promise<string>;
  /** Types of what happened in a context since its problem, without the `sh.keptn.` in front. */
  told(context: string): string[];
}

export async function startRemediation(settings: {
  REMEDIATION_WAIT: number;
  REMEDIATION_ANSWER_TIMEOUT: number;
}): Promise<Remedied> {
  const toggled: string[] = [];
  const found = new Map<string, number[]>();
  const monitoring = {
    valuesOf: async ({ project }: { project: string }) => [
      { metric: 'errors', value: found.get(project)?.shift() ?? 0, success: true },
    ],
  };
  const unleash = createServer((request, response) => {
    toggled.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    response.writeHead(request.url?.includes('Unknown') ? 404 : 200).end();
  });
  await new Promise<void>((resolve) => unleash.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(unleash.address() as AddressInfo).port}`;
  const world = await startInProcess((given) => [
    remediationService({
      ...given,
      unleash: { UNLEASH_SERVER_URL: url, UNLEASH_USER: 'keptn', UNLEASH_TOKEN: 'secret' },
      settings,
    }),
    helmService({
      ...given,
      deployer: new DryRun({ folder: join(given.directory, 'dry-run'), helm: undefined }),
      routes: { domain: '', gateway: 'istio-system/public-gateway' },
      parallel: 8,
    }),
    gatekeeperService(given),
    lighthouseService({
      ...given,
      providers: new Map([['monitoring', monitoring]]),
      projectProvider: providerInGit(given.configuration),
    }),
  ]);
  return {
    ...world,
    toggled,
    async shop(remediation = plan, errors) {
      const slo = errors && { 'slo.yaml': objectives };
      const project = await world.project(shipyard, { ...chart, ...slo, 'remediation.yaml': remediation });
      if (errors) found.set(project, [...errors]);
      await world.write({ project }, 'lighthouse.yaml', 'sli-provider: monitoring\n');
      const place = { project, stage: 'prod', service: 'carts' };
      await world.configuration.writeAll(place, new Map(Object.entries(generated)));
      return project;
    },
    problem(project, title, more = {}, shkeptncontext) {
      const place = { project, stage: 'prod', service: 'carts' };
      const data = { State: 'OPEN', PID: '7', ProblemID: 'P7', ProblemTitle: title, ...place, ...more };
      return world.send(eventTypes.problemOpen, data, shkeptncontext === undefined ? {} : { shkeptncontext });
    },
    async file(project, path) {
      const place = { project, stage: path === VALUES ? 'edge' : 'prod', service: 'carts' };
      const name = path === VALUES ? 'carts' : 'carts-generated';
      return (await world.read(place, `helm/${name}/${path}`)) ?? '';
    },
    told: (context) => world.events(context).map(({ type }) => type.replace(/^sh\.keptn\.(internal\.)?events?\./, '')),
    async close() {
      await world.close();
      unleash.close();
    },
  };
}

export const messageIn = ({ data }: KeptnEvent): string =>
  textIn(data, 'message') ?? textIn((data as { remediation?: unknown; action?: unknown }).remediation, 'message') ?? '';
