/** The image is built where there is a container engine; here is shown that what the Dockerfile takes is all that runs. */
import { execFile } from 'node:child_process';
import { chmod, chown, copyFile, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import type { V1Container } from '@kubernetes/client-node';
import { expect } from 'chai';
import { z } from 'zod';
import { operatorObjects } from '../lib/installation/operator.ts';
import { NODE_USER } from '../lib/installation/pod.ts';
import { ManagedProcess } from '../tools/real-parts/managed-process.ts';
import { partOf } from '../tools/real-parts/parts.ts';
import { temporaryFolder } from '../tools/real-parts/temporary.ts';
import { containersOf, image, installed } from './launch/installed.ts';
import { root } from './launch/node-process.ts';

const run = promisify(execFile);

const lockSchema = z.object({
  packages: z.record(
    z.string(),
    z.object({ dev: z.boolean().optional(), devOptional: z.boolean().optional(), optional: z.boolean().optional() }),
  ),
});
const manifestSchema = z.object({
  dependencies: z.record(z.string(), z.string()),
  optionalDependencies: z.record(z.string(), z.string()),
});

const read = (path: string): Promise<string> => readFile(join(root, path), 'utf8');

/** What the last stage takes from the checkout, and what it does before. */
async function dockerfile() {
  const text = await read('Dockerfile');
  const [, ...stages] = text.split(/^FROM /m);
  const copied = (stage: string): string[] =>
    [...stage.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, paths = '']) => paths.split(' '));
  return { text, taken: stages.flatMap(copied), page: copied(stages[0] ?? ''), last: copied(stages.at(-1) ?? '') };
}

/** Containers of our image: the operator, every part, and a distributor. */
function containers(): V1Container[] {
  const services = [{ name: 'mine', image: 'registry.example.com/mine', topics: ['sh.keptn.events.done'] }];
  const helm = { version: 'v2' as const, namespaces: ['sockshop-dev'] };
  const components = installed({ domain: 'example.com', nats: { replicas: 3 }, helm, services });
  const objects = components.flatMap((component) => component.objects);
  return containersOf([...operatorObjects({ namespace: 'keptn', image }), ...objects]).filter(
    (container) => container.image === image,
  );
}

const mainOf = ({ command }: V1Container): string => command?.at(-1) ?? '';

interface Graph {
  files: Map<string, string>;
  packages: Set<string>;
}

/** Everything that a file imports, now or later. */
async function graphOf(main: string): Promise<Graph> {
  const graph: Graph = { files: new Map(), packages: new Set() };
  const waiting = [main];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (graph.files.has(file)) continue;
    const text = await read(file);
    graph.files.set(file, text);
    const imports = text.matchAll(/^(?:import|export|\}) (?!type ).*?\bfrom '(.+)';$|import\('(.+)'\)/gm);
    for (const [, now, later] of imports) {
      const name = now ?? later ?? '';
      if (name.startsWith('.')) waiting.push(relative(root, join(root, dirname(file), name)));
      else if (!name.startsWith('node:')) graph.packages.add(/^(@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? '');
    }
  }
  return graph;
}

describe('the image', () => {
  for (const container of containers()) {
    it(`has all files and packages that ${container.name} imports`, async () => {
      const { last } = await dockerfile();
      const { dependencies, optionalDependencies } = manifestSchema.parse(JSON.parse(await read('package.json')));
      const graph = await graphOf(mainOf(container));
      expect(graph.files.size).to.be.greaterThan(5);
      expect(graph.packages).to.include('zod');
      expect([...graph.files.keys()].filter((file) => !last.some((path) => file.startsWith(`${path}/`)))).to.be.empty;
      const known = { ...dependencies, ...optionalDependencies };
      expect([...graph.packages].filter((name) => !(name in known))).to.be.empty;
    });

    it(`is given no setting that ${container.name} does not know`, async () => {
      const files = [...(await graphOf(mainOf(container))).files];
      // That is where the settings are given.
      const text = files.flatMap(([path, content]) => (path.startsWith('lib/installation/') ? [] : content)).join('\n');
      const env = container.env ?? [];
      const helms = ['HOME', 'HELM_HOST', 'TILLER_NAMESPACE'];
      const unknown = env.filter(
        ({ name }) =>
          !text.includes(name) && !helms.includes(name) && !env.some(({ value }) => value?.includes(`$(${name})`)),
      );
      expect(unknown.map(({ name }) => name)).to.be.empty;
    });
  }

  it('has the helm that is tested', async () => {
    const { text } = await dockerfile();
    expect(text).to.contain(`ARG HELM_VERSION=${partOf('helm').version}\n`);
  });

  it("has the Bridge's page, built from what its stage takes", async () => {
    const folder = join(await temporaryFolder('page'), 'app');
    await mkdir(folder);
    await run('cp', ['--archive', '--parents', '--target-directory', folder, ...(await dockerfile()).page], {
      cwd: root,
    });
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    await run(process.execPath, ['tools/build-page.ts'], { cwd: folder });
    expect(await readdir(join(folder, 'services/bridge/dist'))).to.include.members(['index.html', 'assets']);
  });

  it('is built from what .dockerignore lets through', async () => {
    const lines = (await read('.dockerignore')).split('\n');
    const { taken } = await dockerfile();
    const through = (path: string): boolean =>
      lines.some((line) => line.startsWith('!') && (path === line.slice(1) || path.startsWith(`${line.slice(1)}/`)));
    expect(taken).to.include.members(['lib', 'operator', 'services', 'package-lock.json']);
    expect(taken.filter((path) => !through(path))).to.be.empty;
  });
});

describe('a container of the image', () => {
  /** Without root the files are ours, and only their folders are read-only. */
  const uid = process.getuid?.() === 0 ? NODE_USER : undefined;
  let app: string;
  let node: string;
  let tmp: string;

  before(async () => {
    tmp = await temporaryFolder('image');
    await chmod(tmp, 0o755);
    app = join(tmp, 'app');
    await mkdir(app);
    const { packages } = lockSchema.parse(JSON.parse(await read('package-lock.json')));
    const production = Object.entries(packages)
      .filter(([path, { dev, devOptional, optional }]) => path !== '' && !dev && !devOptional && !optional)
      .map(([path]) => path)
      // Theirs are within them; and the image has a Node of its own.
      .filter((path) => path.lastIndexOf('node_modules/') === 0 && !/\/node(-|$)/.test(path));
    const { last } = await dockerfile();
    const copy = ['--archive', '--parents', '--target-directory', app, ...last, ...production];
    // Links are quicker; to another file system there are none.
    await run('cp', ['--link', ...copy], { cwd: root }).catch(() => run('cp', ['--force', ...copy], { cwd: root }));
    // Where the checkout is, another user may not get to.
    node = join(tmp, 'node');
    await copyFile(process.execPath, node);
    await run('find', [app, '-type', 'd', '-exec', 'chmod', 'a-w', '{}', '+']);
    await mkdir(join(tmp, 'data'));
    if (uid !== undefined) for (const path of [tmp, join(tmp, 'data')]) await chown(path, uid, uid);
    await writeFile(join(tmp, 'kubeconfig'), kubeconfig);
  });
  after(() => run('find', [app, '-type', 'd', '-exec', 'chmod', 'u+w', '{}', '+']));

  /** As in the pod: the probes' ports, on an address of its own; a kubeconfig in the place of the ServiceAccount. */
  async function start(container: V1Container, host: string): Promise<void> {
    const [program = '', ...args] = container.command ?? [];
    expect(program).to.equal('node');
    const { httpGet } = container.livenessProbe ?? {};
    const given = (container.env ?? []).map(
      ({ name, value = 'a-value-of-a-secret' }) => [name, inside(value)] as const,
    );
    const part = new ManagedProcess({
      name: container.name,
      command: node,
      args,
      cwd: app,
      uid,
      env: {
        ...Object.fromEntries(given),
        PATH: '/usr/bin:/bin',
        KUBECONFIG: join(tmp, 'kubeconfig'),
        KEPTN_LISTEN_HOST: host,
      },
      ready: async () => (await fetch(`http://${host}:${String(httpGet?.port)}${httpGet?.path}`)).ok,
      seconds: 60,
    });
    await part.start();
    await part.end('SIGKILL');
  }
  const inside = (value: string): string =>
    value
      .replace(/^\/tmp/, tmp)
      .replace(/^\/data/, join(tmp, 'data'))
      .replace('$(MONGODB_PASSWORD)', 'secret');

  for (const [index, container] of containers().entries()) {
    it(`starts ${container.name} as its Deployment says, without root and on read-only folders`, () =>
      start(container, `127.77.0.${index + 1}`));
  }

  it('has the command line', async () => {
    const { stdout } = await run(node, ['cli/keptn.mjs', '--help'], { cwd: app, ...(uid && { uid }) });
    expect(stdout).to.contain('send');
  });
});

const kubeconfig = `
apiVersion: v1
kind: Config
clusters: [{ name: none, cluster: { server: 'https://127.0.0.1:1' } }]
users: [{ name: none, user: { token: none } }]
contexts: [{ name: none, context: { cluster: none, user: none } }]
current-context: none
`;
