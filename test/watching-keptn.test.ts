/** What is there to watch Keptn by: metrics of running processes, and the dashboard, the alerts and the page that name them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parser } from '@prometheus-io/lezer-promql';
import type { SyntaxNode } from '@lezer/common';
import { expect } from 'chai';
import { parse } from 'yaml';
import { z } from 'zod';
import { root } from './launch/node-process.ts';
import { startCollector, type Collector } from './launch/otlp.ts';
import { startStandalone, until, type Standalone } from './launch/standalone.ts';

const folder = join(root, 'install/monitoring');
const rulesSchema = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.strictObject({
          alert: z.string().regex(/^Keptn[A-Za-z]+$/),
          expr: z.string(),
          for: z
            .string()
            .regex(/^\d+[mh]$/)
            .optional(),
          labels: z.strictObject({ severity: z.enum(['critical', 'warning', 'info']) }),
          annotations: z.strictObject({ summary: z.string(), description: z.string(), runbook: z.string() }),
        }),
      ),
    }),
  ),
});
const query = z.object({ expr: z.string() });
const dashboardSchema = z.object({
  title: z.string(),
  panels: z.array(z.looseObject({ id: z.number(), type: z.string(), targets: z.array(query).optional() })),
  templating: z.object({
    list: z.array(z.object({ name: z.string(), type: z.string(), definition: z.string().optional() })),
  }),
});
const ofAlerts = async () => rulesSchema.parse(parse(await readFile(join(folder, 'rules.yaml'), 'utf8')));
const ofDashboard = async () =>
  dashboardSchema.parse(JSON.parse(await readFile(join(folder, 'dashboard.json'), 'utf8')));

/** Name to the labels that its samples have; none where there is no sample yet. */
type Exported = Map<string, Set<string>>;

function exported(text: string): Exported {
  const metrics: Exported = new Map();
  for (const [, name = '', kind] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    const names = kind === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => name + end) : [name];
    for (const one of names) metrics.set(one, new Set());
  }
  for (const [, name = '', labels = ''] of text.matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)) {
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) metrics.get(name)?.add(label);
  }
  return metrics;
}

/** Given by who scrapes. */
const ofTarget = new Set(['namespace', 'pod', 'instance', 'job']);

/** What is wrong in an expression: that it is none, or what it names that is not exported. */
function problemsOf(expression: string, metrics: Exported): string[] {
  const text = expression.replaceAll(/\$__(rate_interval|range)\b/g, '5m');
  const problems: string[] = [];
  const said = ({ from, to }: SyntaxNode): string => text.slice(from, to);
  const outer: SyntaxNode[] = [];
  parser.parse(text).iterate({
    enter({ node, type }) {
      if (type.isError) problems.push(`is no PromQL at ${node.from}: ${text}`);
      outer.push(node);
      if (type.name !== 'VectorSelector') return;
      const name = node.firstChild ? said(node.firstChild) : '';
      const known = metrics.get(name);
      if (!known) return void problems.push(`nothing exports ${name}`);
      const used = [node, ...outer.filter((one) => one.name === 'AggregateExpr')].flatMap((one) => labelsIn(one, said));
      // Where there is no sample, nobody knows.
      const wrong = known.size === 0 ? [] : used.filter((label) => !known.has(label) && !ofTarget.has(label));
      problems.push(...wrong.map((label) => `${name} has no label ${label}`));
    },
    leave: () => void outer.pop(),
  });
  return problems;
}

/** Those that a selector matches by, or that an aggregation keeps. */
function labelsIn(node: SyntaxNode, said: (node: SyntaxNode) => string): string[] {
  const holder = node.name === 'VectorSelector' ? node.getChild('LabelMatchers') : node.getChild('AggregateModifier');
  const names: string[] = [];
  holder?.cursor().iterate((inner) => {
    if (inner.name === 'LabelName') names.push(said(inner.node));
  });
  return names;
}

describe('watching Keptn', () => {
  let keptn: Standalone;
  let collector: Collector;
  let text: string;
  let metrics: Exported;

  before(async () => {
    collector = await startCollector();
    Object.assign(process.env, collector.env, { LOG_LEVEL: 'debug' });
    keptn = await startStandalone('examples/hello');
    for (const name of [...Object.keys(collector.env), 'LOG_LEVEL']) delete process.env[name];
    const [, url = ''] = /^Metrics +(\S+)/m.exec(keptn.process.output()) ?? [];
    await until(
      'a delivery that has ended, on the metrics',
      async () => (text = await (await fetch(url)).text()).includes('keptn_deliveries_total{'),
      60,
    );
    metrics = exported(text);
  });
  after(async () => {
    await keptn.stop();
    await collector.close();
  });

  it('counts a delivery, how long it took, and the requests that it made', () => {
    expect(text).to.match(
      /^keptn_deliveries_total\{project="[a-z-]+",stage="[a-z-]+",service="[a-z-]+",result="pass"\} 1$/m,
    );
    expect(text).to.match(/^keptn_delivery_lead_seconds_count\{.+\} 1$/m);
    expect(text).to.match(/^keptn_http_request_seconds_count\{server="configuration-service",.*status="200"\} \d+$/m);
    // Of a dry run nothing is deployed.
    expect(text).to.not.include('keptn_deployments_total{');
  });

  it('is one trace a keptn context in the standalone process as well', async () => {
    const names = (trace: string) => collector.spans.filter(({ traceId }) => traceId === trace).map(({ name }) => name);
    const ended = 'keptn-operator handles sh.keptn.event.delivery.finished';
    await until('the end of a delivery', () => collector.spans.some(({ name }) => name === ended));
    const trace = collector.spans.find(({ name }) => name === ended)?.traceId ?? '';
    expect(names(trace)).to.include.members([
      'reconcile service',
      'publish sh.keptn.event.configuration.change',
      'helm-service handles sh.keptn.event.configuration.change',
      'jmeter-service handles sh.keptn.events.deployment-finished',
      'gatekeeper-service handles sh.keptn.events.evaluation-done',
    ]);
  });

  it('names the keptn context in every line of the log about an event', async () => {
    const written = new Set<string>();
    // It keeps the last lines alone.
    const keep = (): void => {
      for (const line of keptn.process.output().split('\n')) if (/^{.*}$/.test(line)) written.add(line);
    };
    const file = { project: 'hello', service: 'hello', uri: 'values.txt', text: 'another' };
    const object = { apiVersion: 'keptn.sh/v1alpha1', kind: 'Resource', metadata: { name: 'values' }, spec: file };
    expect((await keptn.ask('PUT /v1/object', object)).status).to.equal(200);
    const change = {
      project: 'hello',
      service: 'hello',
      stage: '',
      valuesCanary: { image: 'docker.io/library/nginx:1.28.0' },
    };
    const type = 'sh.keptn.event.configuration.change';
    const { json } = await keptn.ask('POST /v1/event', { type, data: change });
    const { keptnContext: context } = json as { keptnContext: string };
    const isSaid = (...texts: string[]): boolean =>
      [...written].some((line) => texts.every((text) => line.includes(`"${text}"`)));
    await until('the end of it', () => {
      keep();
      const isOver = isSaid(context, 'sh.keptn.event.delivery.finished', 'event handled', 'keptn-operator');
      return isOver && isSaid('PUT', '/v1/project/hello/stage/dev/service/hello/resource/values.txt');
    });
    const lines = [...written].map((line) => JSON.parse(line) as Record<string, unknown>);
    const about = lines.filter((line) => 'eventId' in line);
    const durables = new Set(about.map(({ durable }) => durable));
    expect([...durables]).to.include.members([
      'keptn-operator',
      'mongodb-datastore',
      'helm-service',
      'gatekeeper-service',
    ]);
    expect(about.filter(({ keptnContext }) => typeof keptnContext !== 'string')).to.deep.equal([]);
    const requests = lines.filter(({ msg, keptnContext }) => msg === 'request' && keptnContext !== undefined);
    expect(requests.map(({ method, trace_id: trace }) => [method, typeof trace])).to.deep.include(['PUT', 'string']);
  });

  it('has a dashboard whose every query is PromQL about what is exported', async () => {
    const { panels, templating } = await ofDashboard();
    const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    expect(queries.length).to.be.greaterThan(20);
    expect(queries.flatMap((expr) => problemsOf(expr, metrics))).to.deep.equal([]);
    const [source, ...variables] = templating.list;
    expect(source).to.include({ name: 'datasource', type: 'datasource' });
    const selectors = variables.map(({ definition = '' }) => /^label_values\((.+), \w+\)$/.exec(definition)?.[1] ?? '');
    expect(selectors.flatMap((selector) => problemsOf(selector, metrics))).to.deep.equal([]);
  });

  it('has alerts about what is exported, each with a page that says what to do', async () => {
    const rules = (await ofAlerts()).groups.flatMap((group) => group.rules);
    expect(rules.flatMap(({ expr }) => problemsOf(expr, metrics))).to.deep.equal([]);
    const pages = new Map<string, string>();
    for (const { annotations, alert } of rules) {
      const [file = '', anchor] = annotations.runbook.split('#');
      if (!pages.has(file)) pages.set(file, await readFile(join(root, file), 'utf8'));
      expect(anchor).to.equal(alert.toLowerCase());
      expect(pages.get(file)).to.include(`\n### ${alert}\n`);
    }
  });

  it('would find a query that is none, and a metric or a label that nothing exports', () => {
    expect(problemsOf('sum(', metrics)).to.not.be.empty;
    expect(problemsOf('sum by (le) (keptn_nothing_total)', metrics)).to.deep.equal([
      'nothing exports keptn_nothing_total',
    ]);
    expect(problemsOf('sum by (stag) (keptn_deliveries_total{servce="x"})', metrics)).to.have.length(2);
  });

  it('describes every metric of its own', async () => {
    const page = await readFile(join(root, 'docs/observability.md'), 'utf8');
    const described = [...page.matchAll(/^\| `((?:keptn|controller|workqueue|leader)_\w+)`/gm)].map(([, name]) => name);
    const own = [...text.matchAll(/^# TYPE ((?:keptn|controller|workqueue|leader)_\w+) /gm)].map(([, name]) => name);
    expect(described.sort()).to.deep.equal(own.sort());
  });
});
