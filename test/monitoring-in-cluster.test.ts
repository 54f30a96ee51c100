/** `configure monitoring prometheus` in a cluster: objects of the Prometheus Operator, or a ConfigMap where it is not installed. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { z } from 'zod';
import { clusterRoles, roleNameOf } from '../lib/installation/access.ts';
import { eventTypes } from '../lib/events/event.ts';
import { loadKubeConfig } from '../lib/resources/kubernetes/store.ts';
import { prometheusService } from '../services/prometheus-service/handler.ts';
import { monitoringInCluster } from '../services/prometheus-service/monitoring/cluster.ts';
import { operatorObjects } from '../services/prometheus-service/monitoring/operator-objects.ts';
import { planFor } from '../services/prometheus-service/plan.ts';
import { startApiServer, type ApiServer } from './launch/api-server.ts';
import { startInProcess, type InProcess } from './launch/in-process.ts';
import { until } from './launch/standalone.ts';

const shipyard = `stages:
  - { name: dev, deployment_strategy: direct }
  - { name: prod, deployment_strategy: direct, remediation_strategy: automated }
`;
const slo = `objectives: [{ sli: response_time_p95, pass: [{ criteria: ['<600'] }] }]
total_score: { pass: '90%' }
`;
const settings = {
  namespace: 'keptn',
  labels: { release: 'kube-prometheus-stack' },
  webhook: 'http://event-broker.keptn.svc/keptn',
};
const part = 'prometheus-service';

const versions = z.object({
  items: z.array(z.object({ metadata: z.object({ name: z.string(), resourceVersion: z.string() }) })),
});

describe('keptn configure monitoring prometheus, in a cluster,', () => {
  let api: ApiServer;
  let world: InProcess;
  before(async () => {
    api = await startApiServer();
    await api.kubectl('create', 'namespace', 'keptn');
    const kubeconfig = await asPart();
    world = await startInProcess(({ configuration }) => [
      prometheusService({
        configuration,
        monitoring: monitoringInCluster(loadKubeConfig(kubeconfig), settings),
        metricsPath: '/metrics',
      }),
    ]);
  });
  after(async () => {
    await world.close();
    await api.stop();
  });

  /** A kubeconfig of the ServiceAccount that an installation gives it, with its role and nothing else. */
  async function asPart(): Promise<string> {
    const role = clusterRoles().find(({ metadata }) => metadata.name === roleNameOf(part));
    const file = join(api.kubeconfig, '..', 'role.json');
    await writeFile(file, JSON.stringify(role));
    await api.kubectl('apply', '-f', file);
    await api.kubectl('create', 'serviceaccount', part, '-n', 'keptn');
    const binding = [`--clusterrole=${roleNameOf(part)}`, `--serviceaccount=keptn:${part}`, '-n', 'keptn'];
    await api.kubectl('create', 'rolebinding', part, ...binding);
    const token = (await api.kubectl('create', 'token', part, '-n', 'keptn')).trim();
    const admin = await api.kubectl('config', 'view', '--raw');
    const own = join(api.kubeconfig, '..', 'part.kubeconfig');
    await writeFile(own, admin.replace(/token: \S+/, `token: ${token}`));
    return own;
  }

  async function configure(project: string, service = 'carts'): Promise<string> {
    const context = await world.send(eventTypes.monitoringConfigure, { type: 'prometheus', project, service });
    await until('the last line', () => world.lines(context).some((text) => text.startsWith('Prometheus')));
    return world.lines(context).at(-1) ?? '';
  }
  const deleted = (project: string): Promise<string> => world.send(eventTypes.projectDelete, { project });
  const kinds = 'prometheusrules,servicemonitors,alertmanagerconfigs';
  const objectsOf = async (...more: string[]) =>
    versions
      .parse(JSON.parse(await api.kubectl('get', kinds, '-n', 'keptn', '-o', 'json', ...more)))
      .items.map(({ metadata: { name, resourceVersion } }) => `${name} ${resourceVersion}`);
  const data = async (): Promise<Record<string, string>> =>
    z
      .object({ data: z.record(z.string(), z.string()).default({}) })
      .parse(JSON.parse(await api.kubectl('get', 'configmap', 'keptn-prometheus', '-n', 'keptn', '-o', 'json'))).data;

  it('is in one ConfigMap where the kinds are missing, and each service has keys of its own', async () => {
    const [project, other] = [await world.project(shipyard, { 'slo.yaml': slo }), await world.project(shipyard)];
    const told = await Promise.all([configure(project), configure(other)]);
    expect(told[0]).to.equal(
      'Prometheus scrapes carts in dev, prod, alerts: response_time_p95 in prod: ' +
        `keys ${project}.carts.* of ConfigMap keptn/keptn-prometheus`,
    );
    const keys = [project, other].flatMap((each) => [`${each}.carts.rules.yml`, `${each}.carts.scrape.yml`]);
    expect(await data()).to.have.all.keys('alertmanager.yml', ...keys);
    expect(parse((await data())[keys[0] ?? ''] ?? '')).to.have.nested.property('groups[0].rules[0].for', '10m');
    const before = await api.kubectl('get', 'configmap', 'keptn-prometheus', '-n', 'keptn', '-o', 'json');
    await configure(project);
    expect(await api.kubectl('get', 'configmap', 'keptn-prometheus', '-n', 'keptn', '-o', 'json')).to.equal(before);
    await deleted(project);
    await until('its keys are gone', async () => !((keys[0] ?? '') in (await data())));
    expect(await data()).to.have.all.keys('alertmanager.yml', ...keys.slice(2));
  });

  describe('where the Prometheus Operator is installed,', () => {
    let earlier: string;
    before(async () => {
      earlier = await world.project(shipyard, { 'slo.yaml': slo });
      await configure(earlier);
      await api.kubectl('apply', '-f', 'test/fixtures/prometheus-operator.yaml');
      await api.kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s');
    });

    it('moves from the ConfigMap into objects', async () => {
      expect(await data()).to.include.keys(`${earlier}.carts.rules.yml`);
      expect(await configure(earlier)).to.match(
        /: AlertmanagerConfig keptn\/keptn, ServiceMonitor keptn\/(\S+)\.carts, PrometheusRule keptn\/\1\.carts$/,
      );
      expect(await data()).to.not.include.keys(`${earlier}.carts.rules.yml`);
    });

    it('has a rule that its Prometheus selects, whose alerts its Alertmanager sends to the eventbroker', async () => {
      const project = await world.project(shipyard, { 'slo.yaml': slo });
      await configure(project);
      const get = async (...what: string[]): Promise<unknown> =>
        JSON.parse(await api.kubectl('get', ...what, '-n', 'keptn', '-o', 'json'));
      const labels = { severity: 'webhook', project, stage: 'prod', service: 'carts' };
      expect(await get('prometheusrule', `${project}.carts`)).to.containSubset({
        metadata: { labels: { release: 'kube-prometheus-stack' } },
        // The default of an Alertmanager: alerts of the AlertmanagerConfig's namespace alone.
        spec: { groups: [{ rules: [{ alert: 'response_time_p95', labels: { ...labels, namespace: 'keptn' } }] }] },
      });
      expect(await get('alertmanagerconfig', 'keptn')).to.containSubset({
        spec: {
          route: { receiver: 'keptn' },
          receivers: [{ name: 'keptn', webhookConfigs: [{ url: settings.webhook }] }],
        },
      });
      expect(await get('servicemonitor', `${project}.carts`)).to.containSubset({
        spec: {
          namespaceSelector: { matchNames: [`${project}-dev`, `${project}-prod`] },
          endpoints: [
            { relabelings: [{ regex: `${project}-dev;carts` }, { replacement: `carts-${project}-dev` }] },
            { relabelings: [{ regex: `${project}-prod;carts` }, { replacement: `carts-${project}-prod` }] },
          ],
        },
      });
    });

    it('changes nothing the second time, and takes away what is not wanted any more', async () => {
      const project = await world.project(shipyard, { 'slo.yaml': slo });
      await configure(project);
      const before = await objectsOf();
      await configure(project);
      expect(await objectsOf()).to.deep.equal(before);
      await world.write({ project }, 'shipyard.yaml', shipyard.replace(', remediation_strategy: automated', ''));
      await configure(project);
      const left = await api.kubectl('get', kinds, '-n', 'keptn', '-l', `keptn.sh/project=${project}`, '-o', 'name');
      expect(left.trim()).to.equal(`servicemonitor.monitoring.coreos.com/${project}.carts`);
    });

    it('takes the objects of a deleted project away, and no others', async () => {
      const files = { 'slo.yaml': slo };
      const [project, other] = [await world.project(shipyard, files), await world.project(shipyard, files)];
      for (const each of [project, other]) await configure(each);
      await deleted(project);
      const left = (each: string) => objectsOf('-l', `keptn.sh/project=${each}`);
      await until('they are gone', async () => (await left(project)).length === 0);
      expect(await left(other)).to.have.length(2);
    });

    it('passes the strict validation of the API server', async () => {
      const project = await world.project(shipyard, { 'slo.yaml': slo });
      const { monitored } = await planFor(world.configuration, { project, service: 'carts' }, '/metrics');
      const items = operatorObjects(monitored, settings);
      const file = join(world.directory, 'objects.json');
      await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
      const dry = ['--dry-run=server', '--validate=strict', '--server-side', '--force-conflicts'];
      expect((await api.kubectl('apply', ...dry, '-f', file)).match(/serverside-applied/g)).to.have.length(3);
    });
  });
});
