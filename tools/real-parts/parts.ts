/** The programs that the tests run against: which version, and how Go builds each from its module. */

/** One Go module of ours that several programs are built from. */
export interface GoModule {
  name: string;
  version: string;
  /** The upstream module. */
  path: string;
  /** The upstream's own `replace` of staging modules: `k8s.io/x v0.0.0` becomes this version. */
  staging?: string;
  /** Build with `vendor/`, after this file was written into it. */
  vendored?: { file: string; content: string };
  ldflags?: string;
  tags?: string;
  env?: Record<string, string>;
}

export interface Part {
  name: string;
  version: string;
  module: GoModule;
  /** The package with `main`. */
  package: string;
  /** Roughly, on 2 cores with nothing cached. */
  seconds: number;
  /** Environment variable that names the program, or a folder that has it. */
  override: string;
  /** A program of this name on the PATH serves as well. */
  fromPath?: boolean;
  /** Files of the module that the program needs beside it. */
  files?: readonly string[];
}

const KUBERNETES = '1.34.3';
const version = 'k8s.io/component-base/version';

const kubernetes: GoModule = {
  name: 'kubernetes',
  version: KUBERNETES,
  path: `k8s.io/kubernetes@v${KUBERNETES}`,
  staging: 'v0.34.3',
  // Without a version clients cannot parse what the server says of itself.
  ldflags: `-X ${version}.gitVersion=v${KUBERNETES} -X ${version}.gitMajor=1 -X ${version}.gitMinor=34`,
};
const etcd: GoModule = { name: 'etcd', version: '3.6.13', path: 'go.etcd.io/etcd/server/v3@v3.6.13' };
const nats: GoModule = { name: 'nats-server', version: '2.14.5', path: 'github.com/nats-io/nats-server/v2@v2.14.5' };
const helm: GoModule = { name: 'helm', version: '3.19.0', path: 'helm.sh/helm/v3@v3.19.0' };
const kwok: GoModule = { name: 'kwok', version: '0.8.0', path: 'sigs.k8s.io/kwok@v0.8.0' };
const ferretdb: GoModule = {
  name: 'ferretdb',
  version: '1.24.1',
  path: 'github.com/FerretDB/FerretDB@v1.24.1',
  vendored: { file: 'github.com/FerretDB/FerretDB/build/version/version.txt', content: 'v1.24.1\n' },
  tags: 'ferretdb_no_postgresql',
  // Its tags were moved once, so the checksum database disagrees with the proxy.
  env: { GONOSUMDB: 'github.com/FerretDB/*' },
};

const ofKubernetes = (name: string, seconds: number, rest: Partial<Part> = {}): Part => ({
  name,
  version: KUBERNETES,
  module: kubernetes,
  package: `k8s.io/kubernetes/cmd/${name}`,
  seconds,
  override: 'KUBEBUILDER_ASSETS',
  ...rest,
});

export const parts = [
  {
    name: 'etcd',
    version: etcd.version,
    module: etcd,
    package: 'go.etcd.io/etcd/server/v3',
    seconds: 25,
    override: 'KUBEBUILDER_ASSETS',
  },
  ofKubernetes('kube-apiserver', 165),
  ofKubernetes('kubectl', 40, { fromPath: true }),
  ofKubernetes('kube-controller-manager', 60),
  ofKubernetes('kube-scheduler', 10),
  {
    name: 'nats-server',
    version: nats.version,
    module: nats,
    package: 'github.com/nats-io/nats-server/v2',
    seconds: 30,
    override: 'NATS_SERVER',
  },
  {
    name: 'helm',
    version: helm.version,
    module: helm,
    package: 'helm.sh/helm/v3/cmd/helm',
    seconds: 70,
    override: 'HELM',
    fromPath: true,
  },
  {
    name: 'kwok',
    version: kwok.version,
    module: kwok,
    package: 'sigs.k8s.io/kwok/cmd/kwok',
    seconds: 70,
    override: 'KWOK',
    files: [
      'kustomize/stage/node/fast/node-initialize.yaml',
      'kustomize/stage/node/heartbeat/node-heartbeat.yaml',
      'kustomize/stage/pod/fast/pod-ready.yaml',
      'kustomize/stage/pod/fast/pod-complete.yaml',
      'kustomize/stage/pod/fast/pod-delete.yaml',
    ],
  },
  {
    name: 'ferretdb',
    version: ferretdb.version,
    module: ferretdb,
    package: 'github.com/FerretDB/FerretDB/cmd/ferretdb',
    seconds: 35,
    override: 'FERRETDB',
  },
] as const satisfies readonly Part[];

export type PartName = (typeof parts)[number]['name'];

export function partOf(name: PartName): Part {
  const part = parts.find((candidate) => candidate.name === name);
  if (!part) throw new Error(`there is no part ${name}`);
  return part;
}
