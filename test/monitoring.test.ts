/** `configure monitoring prometheus` without a cluster: from slo.yaml to rules, and from an alert to a problem. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { z } from 'zod';
import { eventTypes } from '../lib/events/event.ts';
import type { HttpServer } from '../lib/http/server.ts';
import { createEventMetrics } from '../lib/observe/event-metrics.ts';
import { createLog } from '../lib/observe/log.ts';
import { startEventbroker } from '../services/eventbroker/service.ts';
import { prometheusService } from '../services/prometheus-service/handler.ts';
import { monitoringInFolder } from '../services/prometheus-service/monitoring/folder.ts';
import { problemOf, problemData } from '../lib/events/problem.ts';
import { actionsFor } from '../services/remediation-service/plan.ts';
import { startInProcess, type InProcess } from './launch/in-process.ts';
import { until } from './launch/standalone.ts';

const shipyard = `stages:
  - { name: dev, deployment_strategy: direct }
  - { name: prod, deployment_strategy: blue_green_service, remediation_strategy: automated }
`;
const slo = (criterion: string): string => `filter: { handler: Items }
objectives:
  - { sli: response_time_p95, pass: [{ criteria: ['<=+10%', '${criterion}'] }] }
  - { sli: memory, pass: [{ criteria: ['<1e9'] }] }
  - { sli: throughput, pass: [{ criteria: ['>=-5%'] }] }
total_score: { pass: '90%' }
`;
const sli = 'indicators: { memory: \'sum(container_memory{pod=~"$SERVICE-$DEPLOYMENT.*"}[$DURATION_SECONDS])\' }\n';
const files = { 'slo.yaml': slo('<600'), 'prometheus/sli.yaml': sli.replace('[$DURATION_SECONDS]', '') };
const rulesSchema = z.object({
  groups: z.array(
    z.object({
      name: z.string(),
      rules: z.array(
        z.object({
          alert: z.string(),
          expr: z.string(),
          labels: z.record(z.string(), z.string()),
          annotations: z.any(),
        }),
      ),
    }),
  ),
});
const line = z.object({ message: z.string(), terminate: z.boolean(), loglevel: z.string() });

describe('keptn configure monitoring prometheus', () => {
  let world: InProcess;
  let broker: HttpServer;
  let folder: string;
  before(async () => {
    world = await startInProcess(({ configuration, directory }) => [
      prometheusService({
        configuration,
        monitoring: monitoringInFolder(join(directory, 'prometheus'), 'http://event-broker/keptn'),
        metricsPath: '/prometheus',
      }),
    ]);
    folder = join(world.directory, 'prometheus');
    const parts = { metrics: createEventMetrics(), log: createLog('test', 'silent') };
    broker = await startEventbroker({ bus: world.bus, host: '127.0.0.1', port: 0, ...parts });
  });
  after(async () => {
    await broker.close();
    await world.close();
  });

  /** What was told, the line that ends it last. */
  async function configure(project: string, service = 'carts', type = 'prometheus') {
    const context = await world.send(eventTypes.monitoringConfigure, { type, project, service });
    const lines = () => world.events(context, eventTypes.log).map(({ data }) => line.parse(data));
    await until('the last line', () => lines().some(({ terminate }) => terminate));
    return { messages: lines().map(({ message }) => message), last: lines().at(-1) };
  }
  const read = (name: string): Promise<string> => readFile(join(folder, name), 'utf8');
  const rulesOf = async (project: string) => rulesSchema.parse(parse(await read(`${project}.carts.rules.yml`))).groups;
  const filesOf = async (project: string): Promise<string[]> =>
    (await readdir(folder).catch(() => [])).filter((name) => name.startsWith(project)).sort();

  it('makes rules of the absolute criteria where problems are remediated, and says what it left out', async () => {
    const project = await world.project(shipyard, files);
    const { messages, last } = await configure(project);
    expect(last).to.deep.equal({
      message:
        'Prometheus scrapes carts in dev, prod, alerts: response_time_p95 in prod, memory in prod: ' +
        `files ${project}.carts.* in ${folder}`,
      terminate: true,
      loglevel: 'INFO',
    });
    expect(messages.slice(0, -1)).to.deep.equal([
      'carts in dev: no alerts, the stage has no remediation_strategy: automated',
      'carts in prod: response_time_p95 is an alert without <=+10%, which compares with results before',
      'carts in prod: throughput is no alert: >=-5% compares with results before',
    ]);
    const [group, ...others] = await rulesOf(project);
    expect([group?.name, others]).to.deep.equal([`carts ${project}-prod alerts`, []]);
    expect(group?.rules.map(({ alert, expr }) => [alert, expr])).to.deep.equal([
      [
        'response_time_p95',
        '(histogram_quantile(0.95, sum by (le) (rate(http_response_time_milliseconds_bucket' +
          `{job="carts-${project}-prod-primary",handler="Items"}[180s])))) >= 600`,
      ],
      ['memory', '(sum(container_memory{pod=~"carts-primary.*"})) >= 1000000000'],
    ]);
  });

  it('scrapes the pods of each deployment under the job names of 0.6.2', async () => {
    const project = await world.project(shipyard, files);
    await configure(project);
    const { scrape_configs: jobs } = z
      .object({ scrape_configs: z.array(z.looseObject({ job_name: z.string(), metrics_path: z.string() })) })
      .parse(parse(await read(`${project}.carts.scrape.yml`)));
    expect(jobs.map(({ job_name: name }) => name)).to.deep.equal([
      `carts-${project}-dev`,
      `carts-${project}-prod-canary`,
      `carts-${project}-prod-primary`,
    ]);
    expect(jobs[2]).to.deep.include({
      metrics_path: '/prometheus',
      kubernetes_sd_configs: [{ role: 'endpointslice', namespaces: { names: [`${project}-prod`] } }],
    });
  });

  it('raises an alert that becomes a problem in its place, which remediation.yaml finds by the name of the SLI', async () => {
    const project = await world.project(shipyard, files);
    await configure(project);
    const rule = (await rulesOf(project))[0]?.rules[0];
    const labels = { alertname: rule?.alert, ...rule?.labels };
    const alert = {
      ...{ status: 'firing', labels, annotations: rule?.annotations as unknown },
      ...{ startsAt: '2026-11-25T10:00:00Z', endsAt: '0001-01-01T00:00:00Z', generatorURL: '', fingerprint: project },
    };
    const alertmanager = z
      .object({ receivers: z.array(z.object({ webhook_configs: z.array(z.object({ url: z.url() })).optional() })) })
      .parse(parse(await read('alertmanager.yml')));
    const [url] = alertmanager.receivers.flatMap(({ webhook_configs: hooks }) => hooks ?? []);
    expect(url).to.deep.equal({ url: 'http://event-broker/keptn' });
    const body = JSON.stringify({ version: '4', receiver: 'keptn', status: 'firing', alerts: [alert] });
    const answer = await fetch(`${broker.url}/keptn`, { method: 'POST', body });
    const { keptnContext } = z.object({ keptnContext: z.string() }).parse(await answer.json());
    const event = await world.event(keptnContext, eventTypes.problemOpen);
    const problem = problemOf({ ...event, data: problemData.parse(event.data) });
    expect(problem).to.include({ project, stage: 'prod', service: 'carts', isOpen: true, title: 'response_time_p95' });
    const plan = 'remediations: [{ name: response_time_p95, actions: [{ action: scaling, value: "+1" }] }]';
    expect(actionsFor(problem.title, plan, 'remediation.yaml').map(({ action }) => action)).to.deep.equal(['scaling']);
  });

  it('changes nothing the second time', async () => {
    const project = await world.project(shipyard, files);
    await configure(project);
    const times = async () =>
      Promise.all((await filesOf(project)).map(async (name) => (await stat(join(folder, name))).mtimeMs));
    const before = await times();
    await configure(project);
    expect(await times()).to.deep.equal(before);
    expect(before).to.have.length(2);
  });

  it('takes up what slo.yaml and the shipyard say now, when the service is deployed', async () => {
    const project = await world.project(shipyard, files);
    const place = { project, stage: 'prod', service: 'carts' };
    const deployed = (): Promise<string> => world.send(eventTypes.deploymentFinished, place);
    await deployed();
    await configure(project);
    await world.write(place, 'slo.yaml', slo('<700'));
    await world.write({ project }, 'shipyard.yaml', shipyard.replace('blue_green_service', 'direct'));
    await deployed();
    await until('the new rule', async () => (await read(`${project}.carts.rules.yml`)).includes('>= 700'));
    expect((await rulesOf(project))[0]?.rules[0]?.expr).to.include(`job="carts-${project}-prod"`);
    await world.write(place, 'slo.yaml', 'objectives: none');
    const context = await deployed();
    await until('it is told', () => world.lines(context).some((text) => text.includes('slo.yaml of carts in prod')));
    expect(await read(`${project}.carts.rules.yml`)).to.include('>= 700');
  });

  it('forgets a service that has been deleted, when another one is configured', async () => {
    const project = await world.project(shipyard, files);
    for (const stage of ['dev', 'prod']) await world.configuration.ensureService(project, stage, 'front');
    await configure(project, 'front');
    for (const stage of ['dev', 'prod']) await world.configuration.remove({ project, stage, service: 'front' });
    expect((await configure(project)).messages).to.include(
      `Prometheus is not told of front in project ${project} any more`,
    );
    expect(await filesOf(project)).to.deep.equal([`${project}.carts.rules.yml`, `${project}.carts.scrape.yml`]);
  });

  it('does not begin with a deployment', async () => {
    const project = await world.project(shipyard, files);
    await world.send(eventTypes.deploymentFinished, { project, stage: 'prod', service: 'carts' });
    await configure(await world.project(shipyard, files));
    expect(await filesOf(project)).to.deep.equal([]);
  });

  it('takes the rules of a deleted project away, and no others', async () => {
    const [project, other] = [await world.project(shipyard, files), await world.project(shipyard, files)];
    for (const each of [project, other]) await configure(each);
    await world.send(eventTypes.projectDelete, { project });
    await until('they are gone', async () => (await filesOf(project)).length === 0);
    expect(await filesOf(other)).to.have.length(2);
  });

  for (const [what, uri, content, problem] of [
    [
      'a slo.yaml that does not fit',
      'slo.yaml',
      'objectives: none',
      /slo\.yaml of carts in prod is not valid: objectives: /,
    ],
    ['a slo.yaml that is no YAML', 'slo.yaml', 'objectives: [', /slo\.yaml of carts in prod is not valid: /],
    [
      'a criterion that is none',
      'slo.yaml',
      slo('fast'),
      /slo\.yaml of carts in prod: objectives\.0\.pass\.0\.criteria\.1: "fast"/,
    ],
    [
      'a wrong sli.yaml',
      'prometheus/sli.yaml',
      'indicators: [a]',
      /prometheus\/sli\.yaml of the service is not valid: indicators: /,
    ],
    [
      'a query that is none',
      'prometheus/sli.yaml',
      sli,
      /indicators\.memory: has a range too many, or lacks one, at "sum\(container_memory/,
    ],
  ] as const) {
    it(`names the file, the field and the reason of ${what}, and changes nothing`, async () => {
      const project = await world.project(shipyard, files);
      await configure(project);
      const before = await read(`${project}.carts.rules.yml`);
      await world.write({ project, stage: 'prod', service: 'carts' }, uri, content);
      const { last } = await configure(project);
      expect(last).to.include({ loglevel: 'ERROR', terminate: true });
      expect(last?.message)
        .to.match(/^Prometheus is not configured: /)
        .and.to.match(problem);
      expect(await read(`${project}.carts.rules.yml`)).to.equal(before);
    });
  }

  it('says so of a service that is not there, and of a name that is none', async () => {
    const project = await world.project(shipyard, files);
    expect((await configure(project, 'nobody')).last?.message).to.include(
      `no stage of project ${project} has a service nobody`,
    );
    expect((await configure(project, '../x')).last?.message).to.include('data.service: must be a DNS label');
  });
});
