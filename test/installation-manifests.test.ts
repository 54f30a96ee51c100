/** What installs the operator, and what the operator installs, as the API server and its pod security take it. */
import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { z } from 'zod';
import type { IngressType, KubeObject } from '../lib/installation/installation.ts';
import { natsConfig } from '../lib/installation/nats.ts';
import { operatorObjects } from '../lib/installation/operator.ts';
import { locate } from '../tools/real-parts/locate.ts';
import { temporaryFolder } from '../tools/real-parts/temporary.ts';
import { startApiServer, type ApiServer } from './launch/api-server.ts';
import { containersOf, image, installed, templateOf } from './launch/installed.ts';
import { installIstioKinds } from './launch/nodes.ts';
import { root } from './launch/node-process.ts';

const run = promisify(execFile);

const objectSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    resourceVersion: z.string().optional(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
});
type Found = z.infer<typeof objectSchema>;
const listSchema = z.object({ items: z.array(objectSchema) });

const namesOf = (objects: readonly Found[]): string[] =>
  objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
const manifestsIn = (text: string): Found[] =>
  parseAllDocuments(text)
    .filter((document) => document.contents !== null)
    .map((document) => objectSchema.parse(document.toJS()));
/** As the client sends them: its types call a peer's `from` otherwise. */
const yamlOf = (objects: readonly object[]): string =>
  objects
    .map((object) => stringify(object, { aliasDuplicateObjects: false }).replaceAll('_from:', 'from:'))
    .join('---\n');

const services = [{ name: 'my-service', image: 'registry.example.com/mine:1', topics: ['sh.keptn.event.>'] }];
const gateway = { type: 'Gateway', className: 'nginx', tlsSecret: 'tls' } as const;
const of = (spec: Parameters<typeof installed>[0], ingress: IngressType = 'None'): KubeObject[] =>
  installed(spec, { ingress }).flatMap(({ objects }) => objects);

/** Each with everything that its spec brings. */
const installations: Record<string, () => KubeObject[]> = {
  'the operator': () => operatorObjects({ namespace: 'keptn', image }),
  'nothing said': () => of({}),
  'quality gates alone': () => of({ useCases: ['quality-gates'] }),
  'several of all, and services of ones own': () =>
    of({ replicas: 3, nats: { replicas: 3, storageClassName: 'fast' }, services, imagePullSecrets: ['mine'] }),
  'NATS and MongoDB that are there': () =>
    of({
      nats: { url: 'nats://nats:4222' },
      mongodb: { uriRef: { name: 'mongo', key: 'uri' } },
      networkPolicies: false,
    }),
  'helm 2 with its Tiller': () => of({ helm: { version: 'v2', namespaces: ['sockshop-dev'] } }),
  'an Ingress': () => of({ domain: 'example.com', ingress: { className: 'nginx', tlsSecret: 'tls' } }, 'Ingress'),
  Istio: () => of({ domain: 'example.com' }, 'Istio'),
  'a Gateway': () => of({ domain: 'example.com', ingress: gateway }, 'Gateway'),
};

describe('manifests on an API server', () => {
  let api: ApiServer;
  let folder: string;
  let helm: (...args: string[]) => Promise<string>;
  before(async () => {
    api = await startApiServer();
    folder = await temporaryFolder('manifests');
    await installIstioKinds(api);
    await api.kubectl('apply', '-f', join(root, 'test/fixtures/gateway-api.yaml'));
    await api.kubectl('create', 'namespace', 'sockshop-dev');
    const program = await locate('helm');
    const env = { ...process.env, KUBECONFIG: api.kubeconfig, HOME: folder };
    helm = async (...args) => (await run(program, args, { env, cwd: root, maxBuffer: 1 << 26 })).stdout;
  });
  after(async () => {
    await api.stop();
    await rm(folder, { recursive: true });
  });

  const dryRun = async (yaml: string): Promise<string> => {
    const file = join(folder, 'objects.yaml');
    await writeFile(file, yaml);
    return api.kubectl('apply', '--dry-run=server', '--validate=strict', '-f', file);
  };
  const installedNow = async (): Promise<Found[]> => {
    const yaml = await api.kubectl('get', '-k', root, '-o', 'yaml');
    return listSchema.parse(parse(yaml)).items;
  };
  const versions = async (): Promise<string[]> =>
    (await installedNow()).map(({ kind, metadata }) => `${kind} ${metadata.name} ${metadata.resourceVersion}`);

  it('kubectl apply -k . installs the kinds, the operator with its rights, and nothing else', async () => {
    await api.kubectl('apply', '--validate=strict', '-k', root);
    const kinds = new Set((await installedNow()).map(({ kind }) => kind));
    expect([...kinds].sort()).to.deep.equal(
      'ClusterRole ClusterRoleBinding CustomResourceDefinition Deployment Namespace NetworkPolicy Role RoleBinding ServiceAccount'.split(
        ' ',
      ),
    );
    expect(await api.kubectl('get', 'keptn', '-A', '-o', 'name')).to.equal('');
  });

  it('kubectl apply -k . again changes nothing', async () => {
    await api.kubectl('wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all');
    const before = await versions();
    const said = await api.kubectl('apply', '-k', root);
    expect(
      said
        .trim()
        .split('\n')
        .filter((line) => !line.endsWith(' unchanged')),
    ).to.be.empty;
    expect(await versions()).to.deep.equal(before);
    expect(await api.kubectl('diff', '-k', root)).to.equal('');
  });

  it('another image is one entry of a kustomization', async () => {
    const overlay = join(folder, 'overlay');
    await run('mkdir', [overlay]);
    const images = [{ name: 'docker.io/keptn/keptn-operator', newName: 'registry.example.com/ours', newTag: '9' }];
    await writeFile(join(overlay, 'kustomization.yaml'), stringify({ resources: ['../install'], images }));
    await run('cp', ['-r', join(root, 'install/base'), join(folder, 'install')]);
    const containers = containersOf(manifestsIn(await api.kubectl('kustomize', overlay)));
    expect(containers.map((container) => container.image)).to.deep.equal(['registry.example.com/ours:9']);
  });

  it('the example of an installation is one', async () => {
    expect(
      await api.kubectl('apply', '--dry-run=server', '--validate=strict', '-f', join(root, 'examples/keptn.yaml')),
    ).to.equal('keptn.keptn.sh/keptn created (server dry run)\n');
  });

  it('the number of NATS servers cannot be changed later', async () => {
    const keptn = (replicas: number): object => ({
      apiVersion: 'keptn.sh/v1alpha1',
      kind: 'Keptn',
      metadata: { name: 'keptn', namespace: 'sockshop-dev' },
      spec: { suspend: true, nats: { replicas } },
    });
    const file = join(folder, 'keptn.yaml');
    await writeFile(file, stringify(keptn(1)));
    await api.kubectl('apply', '-f', file);
    const refusal = await dryRun(yamlOf([keptn(3)])).then(() => '', String);
    expect(refusal).to.contain('spec.nats.replicas cannot be changed');
    await api.kubectl('delete', '-f', file, '--wait=false');
  });

  for (const [what, objects] of Object.entries(installations)) {
    it(`strict validation finds nothing in an installation with ${what}`, async () => {
      const lines = (await dryRun(yamlOf(objects()))).trim().split('\n');
      expect(lines).to.have.length(objects().length);
    });

    it(`pod security admits the pods with ${what}, in a namespace that is restricted`, async () => {
      const pods = objects().flatMap((object) => {
        const template = templateOf(object);
        if (!template) return [];
        return [
          {
            apiVersion: 'v1',
            kind: 'Pod',
            ...template,
            metadata: { ...template.metadata, name: object.metadata.name },
          },
        ];
      });
      expect(pods).not.to.be.empty;
      const inNamespace = pods.map((pod) => ({ ...pod, metadata: { ...pod.metadata, namespace: 'keptn' } }));
      const said = await dryRun(yamlOf(inNamespace));
      expect(said.trim().split('\n')).to.have.length(pods.length);
    });

    it(`every container with ${what} asks for what it needs, is probed, and writes to its volumes alone`, () => {
      const wrong = containersOf(objects()).filter(
        ({ resources, readinessProbe, livenessProbe, securityContext, name }) =>
          !resources?.requests?.['cpu'] ||
          !resources.requests['memory'] ||
          !resources.limits?.['memory'] ||
          !readinessProbe ||
          // What answers is not known of a service of one's own.
          !(livenessProbe ?? name === 'my-service') ||
          securityContext?.readOnlyRootFilesystem !== true,
      );
      expect(wrong.map(({ name }) => name)).to.be.empty;
    });
  }

  it('pod security refuses a pod that may become root', async () => {
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'root', namespace: 'keptn' } };
    const refusal = await dryRun(yamlOf([{ ...pod, spec: { containers: [{ name: 'a', image }] } }])).then(
      () => '',
      String,
    );
    expect(refusal).to.contain('violates PodSecurity "restricted:latest"');
  });

  it('several replicas are spread by a budget, and every pod stands behind a policy', () => {
    const objects = installations['several of all, and services of ones own']?.() ?? [];
    const named = (kind: string): string[] =>
      objects.filter((object) => object.kind === kind).map(({ metadata }) => metadata.name);
    expect(named('PodDisruptionBudget')).to.have.members(['keptn-nats-cluster', 'eventbroker', 'bridge']);
    const workloads = objects.filter((object) => templateOf(object)).map(({ metadata }) => metadata.name);
    expect(named('NetworkPolicy')).to.have.members(workloads);
  });

  for (const replicas of [1, 3]) {
    it(`NATS takes the configuration for ${replicas}`, async () => {
      const file = join(folder, `nats-${replicas}.conf`);
      await writeFile(file, natsConfig(replicas));
      const env = { ...process.env, POD_NAME: 'keptn-nats-cluster-0' };
      const { stderr } = await run(await locate('nats-server'), ['-t', '-c', file], { env });
      expect(stderr).to.contain('configuration file');
    });
  }

  describe('the chart', () => {
    const chart = 'install/chart';
    const release = ['keptn', chart, '--namespace', 'keptn'];

    it('passes helm lint', async () => {
      expect(await helm('lint', '--strict', chart)).to.contain('0 chart(s) failed');
    });

    it('has the objects of kubectl apply -k ., without the namespace', async () => {
      const base = manifestsIn(await api.kubectl('kustomize', root)).filter(({ kind }) => kind !== 'Namespace');
      const plain = (objects: readonly Found[]): object[] =>
        objects
          .map((object) => {
            const rest = structuredClone(object);
            delete rest['imagePullSecrets'];
            delete rest.metadata.annotations;
            return rest;
          })
          .sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1));
      const templated = manifestsIn(await helm('template', ...release));
      expect(namesOf(templated)).to.have.members(namesOf(base));
      expect(plain(templated)).to.deep.equal(plain(base));
    });

    it('refuses a value that it does not know, and a wrong one', async () => {
      const refusal = (value: string): Promise<string> =>
        helm('template', ...release, '--set', value).then(() => '', String);
      expect(await refusal('images.tag=1')).to.contain("additional properties 'images' not allowed");
      expect(await refusal('keptn.spec.replicas=9')).to.contain('/keptn/spec/replicas');
    });

    it('is installed, brings newer kinds with an upgrade, and leaves them with their objects when it goes', async () => {
      const crd = 'crd/keptns.keptn.sh';
      // Without controllers the namespace never ends, so it waits for the kinds alone.
      await api.kubectl('delete', '-k', root, '--wait=false', '--ignore-not-found');
      const kinds = ['projects', 'stages', 'services', 'resources'].map((plural) => `crd/${plural}.keptn.sh`);
      await api.kubectl('wait', '--for=delete', '--timeout=30s', crd, ...kinds);
      await api.kubectl('create', 'namespace', 'other');
      const there = ['keptn', chart, '--namespace', 'other'];
      const create = ['--set', 'keptn.create=true', '--set', 'keptn.spec.suspend=true'];
      expect(await helm('install', ...there, ...create).then(() => '', String)).to.contain(
        'Install the chart without keptn.create first',
      );
      await helm('install', ...there, '--set', 'image.tag=next');
      const deployed = await api.kubectl('get', 'deployment', 'keptn-operator', '-n', 'other', '-o', 'yaml');
      expect(deployed).to.contain('image: docker.io/keptn/keptn-operator:next');
      await api.kubectl('wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all');

      const older =
        '[{"op":"remove","path":"/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/imagePullSecrets"}]';
      await api.kubectl('patch', crd, '--type=json', '-p', older);
      await helm('upgrade', ...there, ...create);
      expect(await api.kubectl('get', crd, '-o', 'yaml')).to.contain('Names of Secrets.');
      await helm('uninstall', 'keptn', '--namespace', 'other');
      expect(await api.kubectl('get', 'keptns.keptn.sh', '-n', 'other', '-o', 'name')).to.contain('/keptn');
      expect(await api.kubectl('get', 'deployments', '-n', 'other', '-o', 'name')).to.equal('');
    });
  });
});
