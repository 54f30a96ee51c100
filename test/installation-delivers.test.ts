/**
 * An installation as people have it: by the operator, from a Keptn object, each pod under its own ServiceAccount. It
 * delivers, is upgraded while it works, heals, and goes; and nobody has asked the API server for more than he may, nor may
 * more than he has asked for.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { V1PolicyRule } from '@kubernetes/client-node';
import { expect } from 'chai';
import { MongoClient } from 'mongodb';
import { z } from 'zod';
import { eventTypes, textIn } from '../lib/events/event.ts';
import { History } from '../lib/history/client.ts';
import { AGGREGATE, accesses, chartRules, operatorEverywhere, operatorInside } from '../lib/installation/access.ts';
import { operatorObjects } from '../lib/installation/operator.ts';
import { unused } from './launch/audit.ts';
import { startGitRemote, type GitRemote } from './launch/git-remote.ts';
import { imageOf, startWholeInstallation, type WholeInstallation } from './launch/whole-installation.ts';
import { commandLine } from './launch/keptn.ts';
import { installGatewayKinds, installIstioKinds, installPrometheusKinds } from './launch/nodes.ts';
import { startShop, type Shop } from './launch/shop.ts';
import { tinyChart, tinyProject } from './launch/tiny.ts';
import { custom } from './launch/world.ts';

const EVENTS = 200;
const shipyard = { stages: [{ name: 'dev', deployment_strategy: 'direct' }] };
const MANAGED = 'app.kubernetes.io/managed-by=keptn-operator';
const PART = 'app.kubernetes.io/part-of=keptn';

describe('an installation', function () {
  this.timeout(180_000);
  let world: WholeInstallation;
  let shop: Shop;
  let remote: GitRemote;
  before(async () => {
    [shop, remote] = [await startShop(), await startGitRemote()];
    world = await startWholeInstallation();
  });
  after(async () => {
    await world.stop();
    await shop.close();
    await remote.stop();
  });

  const kubectl = (...args: string[]): Promise<string> => world.kubectl('-n', world.namespace, ...args);
  /** Declares the installation anew, upstreams of this machine and the shop's hosts among it. */
  const install = (spec: object, helmService = {}): Promise<void> => {
    const env = {
      'configuration-service': { KEPTN_UPSTREAM_INSECURE: 'on' },
      'jmeter-service': { KEPTN_TEST_RUNNER: 'http', ...shop.env },
      'helm-service': helmService,
    };
    return world.apply([custom('Keptn', 'keptn', { domain: 'keptn.example', env, ...spec })]);
  };
  const names = async (...args: string[]): Promise<string[]> =>
    (await kubectl('get', ...args, '-o', 'name')).trim().split('\n').filter(Boolean);
  const cli = async (...args: string[]): Promise<string> => {
    const encoded = await kubectl('get', 'secret', 'keptn-api-token', '-o', 'jsonpath={.data.keptn-api-token}');
    const env = {
      KEPTN_ENDPOINT: await world.kubelet.urlOf('api-service', 8080),
      KEPTN_API_TOKEN: Buffer.from(encoded, 'base64').toString(),
    };
    const ran = await commandLine(() => env).keptn(...args);
    expect(ran.code, `keptn ${args.join(' ')}: ${ran.err}`).to.equal(0);
    return ran.out;
  };
  const send = (service: string, image: string): Promise<string> => {
    const patch = JSON.stringify({ spec: { artifact: { image } } });
    return kubectl('patch', 'services.keptn.sh', service, '--type=merge', '-p', patch);
  };
  const saysOf = (service: string, text: string): Promise<void> =>
    world.until(`${service} says ${text}`, async () =>
      (
        await kubectl('get', 'services.keptn.sh', service, '-o', 'jsonpath={.status.delivery} {.status.stages}')
      ).includes(text),
    );
  const imageIn = (namespace: string, deployment: string): Promise<string> =>
    world.kubectl(
      'get',
      'deployment',
      deployment,
      '-n',
      namespace,
      '-o',
      'jsonpath={.spec.template.spec.containers[0].image}',
    );
  const statusOf = (field: string): Promise<string> =>
    kubectl('get', 'keptns', 'keptn', '-o', `jsonpath={.status.${field}}`);
  const datastore = (): Promise<string> => world.kubelet.urlOf('mongodb-datastore', 8080);

  it('is Ready when the processes of all its pods answer', async () => {
    await install({ replicas: 2 });
    await world.until('the operator has begun', async () => (await statusOf('components')) !== '');
    // Istio may come later than Keptn.
    await installIstioKinds(world);
    await kubectl('create', 'namespace', 'istio-system');
    await installGatewayKinds(world);
    await world.wait('Ready', 'keptns/keptn');
    expect(await statusOf('version')).to.equal('0.1.0');
    expect(await statusOf('components')).to.match(/^(\d+)\/\1$/);
    expect(await names('poddisruptionbudgets')).to.have.length(2);
  });

  it('lets nobody into its database without the password that it has made', async () => {
    const url = new URL(await world.kubelet.urlOf('mongodb', 27_017));
    const anybody = new MongoClient(`mongodb://${url.host}/`, { serverSelectionTimeoutMS: 5_000 });
    const answer = await anybody.db('keptn').listCollections().toArray().catch(String);
    await anybody.close();
    expect(answer).to.match(/auth/i);
  });

  it('delivers an artifact to the last stage, whose namespace was there and joins the mesh', async () => {
    await world.kubectl('create', 'namespace', 'tiny-prod');
    await world.apply(tinyProject('tiny', ['shop']));
    await world.wait('Delivered', 'services.keptn.sh/tiny-shop');
    const injection = '.metadata.labels.istio-injection';
    expect(await world.kubectl('get', 'namespace', 'tiny-prod', '-o', `jsonpath={${injection}}`)).to.equal('enabled');
    expect(await imageIn('tiny-prod', 'shop-primary')).to.equal('docker.io/example/shop:1.0');
  });

  it('loses nothing and does nothing twice while it is upgraded at work', async () => {
    const context = randomUUID();
    await send('tiny-shop', 'docker.io/example/shop:2.0');
    const sending = sendAll(await world.kubelet.urlOf('event-broker'), context);
    // The image of the operator is that of all parts. The servers begin anew as well.
    await world.apply(operatorObjects({ namespace: world.namespace, image: imageOf('0.2.0') }));
    const servers = {
      nats: { image: 'docker.io/library/nats:2.13' },
      mongodb: { image: 'docker.io/library/mongo:8.1' },
    };
    await install({ replicas: 2, ...servers }, { KEPTN_MESH: 'gateway-api', KEPTN_ROLLOUT_PATIENCE: '2' });
    await kubectl('wait', '--for=jsonpath={.status.version}=0.2.0', 'keptns/keptn', '--timeout=120s');
    await sending;
    await world.wait('Ready', 'keptns/keptn');
    await world.wait('Delivered', 'services.keptn.sh/tiny-shop');
    expect(await imageIn('tiny-prod', 'shop-primary')).to.equal('docker.io/example/shop:2.0');
    await world.until('all events are stored', async () => (await idsOf(await datastore(), context)).length >= EVENTS);
    expect((await idsOf(await datastore(), context)).sort()).to.deep.equal(sentIds(context).sort());

    const history = new History(await datastore());
    const first = await history.newest({ project: 'tiny', stage: 'dev', type: eventTypes.configurationChange });
    const events = await history.events({ keptnContext: first?.shkeptncontext ?? '', project: 'tiny' });
    const told = events.map(
      ({ type, data }) => `${type} ${textIn(data, 'stage') ?? ''} ${JSON.stringify(data).includes('"promote"')}`,
    );
    expect(told)
      .to.have.length.above(10)
      .and.to.deep.equal([...new Set(told)]);
  });

  it('has had all processes of ours end by themselves when they were asked to', async () => {
    const ours = () =>
      world.kubelet.ended.filter(({ pod, wasReady }) => wasReady && !/^(keptn-nats-cluster|mongodb)-\d/.test(pod));
    // The last of the older ones may still be at what they have in work.
    await world.until('they have ended', async () => ours().length > 13);
    expect(ours().filter(({ codes }) => codes.some((code) => code !== 0))).to.deep.equal([]);
  });

  it('puts back what somebody has deleted or edited', async () => {
    await kubectl('delete', 'deployment', 'wait-service');
    await kubectl('set', 'image', 'deployment/gatekeeper-service', `gatekeeper-service=${imageOf('other')}`);
    await world.until('both are as before', async () => {
      const images = await Promise.all(
        ['wait-service', 'gatekeeper-service'].map((name) => imageIn(world.namespace, name)),
      );
      return images.every((image) => image === imageOf('0.2.0'));
    });
    await world.wait('Ready', 'keptns/keptn');
  });

  it('takes values from Secrets and ConfigMaps, and keeps the token of an upstream in a Secret', async () => {
    const url = await remote.create('followed');
    const project = (): object => {
      const upstream = { url, user: remote.user, tokenRef: { name: 'values', key: 'token' } };
      return custom('Project', 'followed', { shipyard, upstream, deletionPolicy: 'Delete' });
    };
    const file = (uri: string, value: object): object =>
      custom('Resource', `followed-${uri}`, { project: 'followed', uri, ...value });
    const value = { apiVersion: 'v1', metadata: { name: 'values' } };
    const from = { name: 'values', key: 'text' };
    await world.apply([
      { ...value, kind: 'Secret', stringData: { token: remote.token, text: 'from a Secret' } },
      { ...value, kind: 'ConfigMap', data: { text: 'from a ConfigMap' } },
      ...[project(), file('secret', { secretRef: from }), file('config', { configMapRef: from })],
    ]);
    const arrived = async (uri: string, text: string): Promise<boolean> =>
      (await remote.file('followed', 'master', uri)) === text;
    await world.until('one is there', () => arrived('secret', 'from a Secret'));
    await world.until('the other is there', () => arrived('config', 'from a ConfigMap'));
    remote.user = 'renamed';
    await world.apply([project(), file('more', { text: 'by another user' })]);
    await world.until('it is pushed as the other user', () => arrived('more', 'by another user'));
    expect(await names('secrets')).to.include('secret/git-credentials-followed');
    await kubectl('delete', 'projects.keptn.sh/followed', '--timeout=30s');
    expect(await names('secrets')).not.to.include('secret/git-credentials-followed');
  });

  it('applies, has measured, evaluates and deletes what the command line says', async () => {
    const file = (uri: string, text: string): object =>
      custom('Resource', `typed-${uri.replace(/\W/g, '-')}`, { project: 'typed', service: 'carts', uri, text });
    const objects = await world.write('typed.yaml', [
      custom('Project', 'typed', {}),
      custom('Stage', 'typed-dev', {
        project: 'typed',
        name: 'dev',
        deploymentStrategy: 'direct',
        remediationStrategy: 'automated',
      }),
      custom('Service', 'typed-carts', { project: 'typed', name: 'carts' }),
      file('slo.yaml', "objectives: [{ sli: error_rate, pass: [{ criteria: ['<1'] }] }]\ntotal_score: { pass: 90% }\n"),
      file('prometheus/sli.yaml', 'indicators: { error_rate: "sum(rate(errors_total[5m]))" }\n'),
    ]);
    await cli('apply', '-f', objects);
    const carts = ['--project', 'typed', '--service', 'carts'];
    await cli('configure', 'monitoring', 'prometheus', ...carts);
    await world.until('it is told in ConfigMaps', async () => {
      const maps = await names('configmaps');
      return ['lighthouse-config-typed', 'keptn-prometheus'].every((name) => maps.includes(`configmap/${name}`));
    });
    await installPrometheusKinds(world);
    await cli('configure', 'monitoring', 'prometheus', ...carts);
    const rules = (): Promise<string[]> => names('prometheusrules.monitoring.coreos.com');
    await world.until('it is told in objects', async () => (await rules()).length === 1);
    await cli('send', 'event', 'start-evaluation', ...carts, '--stage', 'dev');
    await world.until('it is asked who measures', async () =>
      (await world.requests()).some(
        ({ account, verb, resource }) => account === 'lighthouse-service' && `${verb} ${resource}` === 'get configmaps',
      ),
    );
    await cli('delete', 'project', 'typed');
    await world.until('it is gone', async () => !(await names('keptn')).some((name) => name.includes('typed')));
    await world.until('nobody is told of it', async () => (await rules()).length === 0);
  });

  it('says how to allow what a chart may not have, and makes it then', async () => {
    const cronJob = `apiVersion: batch/v1
kind: CronJob
metadata: { name: nightly }
spec: { schedule: '@daily', jobTemplate: { spec: { template: { spec: { restartPolicy: Never, containers: [{ name: job, image: job }] } } } } }
`;
    const files = { ...tinyChart('job'), 'helm/job/templates/nightly.yaml': cronJob };
    await world.apply([
      custom('Project', 'cron', { shipyard }),
      ...Object.entries(files).map(([uri, text], nth) =>
        custom('Resource', `cron-${nth}`, { project: 'cron', service: 'job', uri, text }),
      ),
      custom('Service', 'cron-job', { project: 'cron', name: 'job', artifact: { image: 'docker.io/example/job:1' } }),
    ]);
    await saysOf('cron-job', 'keptn.sh/aggregate-to-helm-service=true');
    await world.apply([
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRole',
        metadata: { name: 'charts-with-cronjobs', labels: AGGREGATE },
        rules: [{ apiGroups: ['batch'], resources: ['cronjobs'], verbs: ['create', 'delete', 'get', 'patch'] }],
      },
    ]);
    await send('cron-job', 'docker.io/example/job:2');
    await world.wait('Delivered', 'services.keptn.sh/cron-job');
    expect(await world.kubectl('get', 'cronjobs', '-n', 'cron-dev', '-o', 'name')).to.equal('cronjob.batch/nightly\n');
  });

  it('takes back what does not come up: a first release goes, a later one becomes the one before', async () => {
    const values = (cpu: string): object => {
      const text = `image: none\nreplicaCount: 1\ncpu: ${cpu}\n`;
      return custom('Resource', 'big-values', { project: 'cron', service: 'big', uri: 'helm/big/values.yaml', text });
    };
    const artifact = (tag: number): object =>
      custom('Service', 'cron-big', {
        project: 'cron',
        name: 'big',
        artifact: { image: `docker.io/example/big:${tag}` },
      });
    const chart = Object.entries(tinyChart('big'))
      .filter(([uri]) => !uri.endsWith('values.yaml'))
      .map(([uri, text], nth) => custom('Resource', `big-${nth}`, { project: 'cron', service: 'big', uri, text }));
    await world.apply([...chart, values('1000'), artifact(1)]);
    await saysOf('cron-big', 'Unschedulable');
    expect(await world.kubectl('get', 'deployments', '-n', 'cron-dev', '-o', 'name')).not.to.include('big');
    await world.apply([values('10m'), artifact(2)]);
    await world.wait('Delivered', 'services.keptn.sh/cron-big');
    await world.apply([values('1000'), artifact(3)]);
    await saysOf('cron-big', 'Unschedulable');
    expect(await imageIn('cron-dev', 'big')).to.equal('docker.io/example/big:2');
  });

  it('is reached as it is declared, and in no other way', async () => {
    const kinds = 'virtualservices,httproutes,ingresses,poddisruptionbudgets';
    const reached = {
      Istio: ['virtualservice.networking.istio.io/api', 'virtualservice.networking.istio.io/bridge'],
      Ingress: ['ingress.networking.k8s.io/keptn'],
      Gateway: ['httproute.gateway.networking.k8s.io/api', 'httproute.gateway.networking.k8s.io/bridge'],
      None: [],
    };
    for (const [type, expected] of Object.entries(reached)) {
      await install({ ingress: { type } }, { KEPTN_MESH: 'none' });
      await world.until(type, async () => (await names(kinds)).join() === expected.join());
    }
    await world.wait('Ready', 'keptns/keptn');
  });

  it('moves traffic by other means from the next promotion on', async () => {
    const routes = (): Promise<string> => world.kubectl('get', 'httproutes', '-n', 'tiny-prod', '-o', 'name');
    expect(await routes()).to.include('/shop');
    await send('tiny-shop', 'docker.io/example/shop:3.0');
    await world.wait('Delivered', 'services.keptn.sh/tiny-shop');
    expect(await routes()).to.equal('');
  });

  it('shows the Bridge outside or not, as the command line says', async () => {
    await install({ ingress: { type: 'Istio' } }, { KEPTN_MESH: 'none' });
    for (const [action, expected] of Object.entries({ lockdown: ['api'], expose: ['api', 'bridge'] })) {
      await cli('configure', 'bridge', '--action', action);
      await world.until(
        action,
        async () =>
          (await names('virtualservices')).join() ===
          expected.map((name) => `virtualservice.networking.istio.io/${name}`).join(),
      );
    }
  });

  it('goes with its object, and keeps data and passwords', async () => {
    await kubectl('delete', 'keptns/keptn', '--timeout=60s');
    expect(await names('deployments')).to.deep.equal(['deployment.apps/keptn-operator']);
    expect(await names('statefulsets,services,networkpolicies', '-l', MANAGED)).to.deep.equal([]);
    expect(await names('persistentvolumeclaims')).to.have.length(3);
    expect(await names('secrets', '-l', MANAGED)).to.have.length(2);
  });

  it('comes back with its history, and takes it along where it is declared so', async () => {
    await install({ deletionPolicy: 'Delete' });
    await world.until('the history is there', async () => {
      const history = new History(await datastore());
      return (await history.newest({ project: 'tiny', type: eventTypes.configurationChange })) !== undefined;
    });
    await kubectl('delete', 'keptns/keptn', '--timeout=60s');
    await world.until('all is gone', async () => (await names('persistentvolumeclaims,pods', '-l', PART)).length === 1);
    expect(await names('secrets', '-l', MANAGED)).to.deep.equal([]);
  });

  it('has asked for nothing that it may not, and may nothing that it has not asked for', async () => {
    const requests = await world.requests();
    const forbidden = requests.filter(({ code, resource }) => code === 403 && resource !== 'cronjobs');
    const refused = forbidden.map(({ account, verb, uri }) => `${account} may not ${verb} ${uri}`);
    expect([...new Set(refused)].join('\n')).to.equal('');
    const rules: Record<string, V1PolicyRule[]> = {
      'keptn-operator': [...operatorEverywhere, ...operatorInside],
      ...Object.fromEntries(
        Object.entries(accesses)
          // No Helm 2 is to be had that would use it: the test of Tiller asks whether it may.
          .filter(([name]) => name !== 'tiller')
          .map(([name, access]) => [name, access.rules ?? chartRules]),
      ),
    };
    const surplus = Object.entries(rules).flatMap(([account, granted]) => {
      const own = requests.filter((request) => request.account === account);
      return unused(granted, own).map((one) => `${account} does not use ${one}`);
    });
    expect(surplus.join('\n')).to.equal('');
  });
});

const idOf = (context: string, nth: number): string => `${context}-${nth}`;
const sentIds = (context: string): string[] => Array.from({ length: EVENTS }, (_, nth) => idOf(context, nth));

async function sendAll(url: string, context: string): Promise<void> {
  for (let nth = 0; nth < EVENTS; nth += 1) {
    await sendOne(url, context, nth);
    await sleep(100);
  }
}

/** As a client that takes no refusal for an answer: the id stays the same. */
async function sendOne(url: string, context: string, nth: number): Promise<void> {
  const event = {
    ...{ specversion: '0.2', id: idOf(context, nth), type: 'sh.keptn.event.test.sent', source: 'test' },
    ...{ time: new Date().toISOString(), contenttype: 'application/json', shkeptncontext: context, data: { nth } },
  };
  const request = {
    method: 'POST',
    headers: { 'content-type': 'application/cloudevents+json' },
    body: JSON.stringify(event),
  };
  for (let tries = 0; tries < 300; tries += 1) {
    const answer = await fetch(`${url}/keptn`, { ...request, signal: AbortSignal.timeout(5_000) }).catch(
      () => undefined,
    );
    if (answer?.ok) return;
    await sleep(100);
  }
  throw new Error(`event ${nth} is refused`);
}

const pageSchema = z.object({
  events: z.array(z.object({ id: z.string() })).nullable(),
  nextPageKey: z.string().optional(),
});

/** Of all events of a context. */
async function idsOf(url: string, context: string): Promise<string[]> {
  const found: string[] = [];
  for (let after = ''; ;) {
    const answer = await fetch(`${url}/event?keptnContext=${context}&pageSize=100${after}`);
    const { events, nextPageKey } = pageSchema.parse(await answer.json());
    found.push(...(events ?? []).map(({ id }) => id));
    if (nextPageKey === undefined) return found;
    after = `&nextPageKey=${nextPageKey}`;
  }
}
