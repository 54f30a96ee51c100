/** Small charts in the place of Istio's: what they bring is called as with Istio, as far as an installation looks at it. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { packChart } from '../../lib/chart/archive.ts';
import { root } from './node-process.ts';

const run = promisify(execFile);

const deployment = (name: string, labels: string): string => `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  labels: { ${labels}, app.kubernetes.io/version: {{ .Chart.AppVersion | quote }} }
spec:
  selector: { matchLabels: { ${labels} } }
  template:
    metadata: { labels: { ${labels} } }
    spec:
      {{- with .Values.nodeSelector }}
      nodeSelector: {{ toJson . }}
      {{- end }}
      containers: [{ name: main, image: 'docker.io/istio/main:{{ .Chart.AppVersion }}' }]
`;

const webhooks = (kind: string): string => `apiVersion: admissionregistration.k8s.io/v1
kind: ${kind}
metadata: { name: istio-{{ .Release.Name }} }
webhooks:
  - name: {{ .Release.Name }}.istio.io
    clientConfig: { service: { name: istiod, namespace: {{ .Release.Namespace }} } }
    rules: [{ apiGroups: [networking.istio.io], apiVersions: ['*'], operations: [DELETE], resources: [envoyfilters] }]
    failurePolicy: Ignore
    sideEffects: None
    admissionReviewVersions: [v1]
`;

const roles = `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: istiod-clusterrole }
rules: [{ apiGroups: [''], resources: [secrets], verbs: [get, list, watch] }]
`;

async function filesOf(chart: string): Promise<Record<string, string>> {
  switch (chart) {
    case 'base':
      return {
        'crds/all.yaml': await readFile(join(root, 'test/fixtures/istio.yaml'), 'utf8'),
        'templates/webhooks.yaml': webhooks('ValidatingWebhookConfiguration'),
      };
    case 'istiod':
      return {
        'templates/deployment.yaml': `{{- with .Values.wrong }}{{ fail . }}{{ end -}}\n${deployment('istiod', 'app: istiod')}`,
        'templates/webhooks.yaml': webhooks('MutatingWebhookConfiguration'),
        'templates/roles.yaml': roles,
      };
    default:
      return {
        'templates/deployment.yaml': deployment(
          '{{ .Values.name }}',
          'app: {{ .Values.name }}, istio: {{ .Values.name | trimPrefix `istio-` }}',
        ),
        'templates/service.yaml': `apiVersion: v1
kind: Service
metadata: { name: {{ .Values.name }} }
spec:
  type: {{ (.Values.service).type | default "LoadBalancer" }}
  selector: { app: {{ .Values.name }} }
  ports: [{ name: http2, port: 80 }, { name: https, port: 443 }]
`,
      };
  }
}

/** base-VERSION.tgz, istiod-VERSION.tgz and gateway-VERSION.tgz. */
export async function packIstio(folder: string, version: string): Promise<void> {
  for (const chart of ['base', 'istiod', 'gateway']) {
    const files = {
      'Chart.yaml': `apiVersion: v2\nname: ${chart}\nversion: ${version}\nappVersion: ${version}\n`,
      ...(await filesOf(chart)),
    };
    const packed = Object.entries(files).map(([path, content]) => ({ path, content: Buffer.from(content) }));
    await writeFile(join(folder, `${chart}-${version}.tgz`), await packChart(chart, packed));
  }
}

export interface ChartRepository {
  /** Of a Helm repository. */
  url: string;
  /** Of a place in an OCI registry. */
  oci: string;
  stop(): Promise<void>;
}

/** The charts of a folder on loopback, in both ways that charts are served. */
export async function serveCharts(folder: string, helm: string): Promise<ChartRepository> {
  const server = createServer((request, answer) => {
    const path = request.url ?? '';
    const found = path.startsWith('/v2/') ? ofRegistry(folder, path) : readFile(join(folder, basename(path)));
    found.then(
      (content) => {
        if (path.includes('/manifests/')) answer.setHeader('content-type', MANIFEST);
        answer.setHeader('docker-content-digest', digestOf(content)).end(content);
      },
      () => answer.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const place = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const url = `http://${place}`;
  await run(helm, ['repo', 'index', folder, '--url', url]);
  return {
    ...{ url, oci: `oci://${place}/istio` },
    stop: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const digestOf = (content: Buffer): string => `sha256:${createHash('sha256').update(content).digest('hex')}`;

/** `/v2/istio/CHART/manifests/VERSION`, and the blobs that it names. */
async function ofRegistry(folder: string, path: string): Promise<Buffer> {
  const [, chart = '', kind, reference = ''] = /([^/]+)\/(manifests|blobs)\/([^/]+)$/.exec(path) ?? [];
  const config = Buffer.from(JSON.stringify({ apiVersion: 'v2', name: chart }));
  const archives = (await readdir(folder)).filter((file) => file.startsWith(`${chart}-`));
  const blobs = await Promise.all(archives.map((file) => readFile(join(folder, file))));
  const blob = [config, ...blobs].find((content) => digestOf(content) === reference);
  if (kind === 'blobs' && blob) return blob;
  const layer = await readFile(join(folder, `${chart}-${reference}.tgz`));
  const part = (content: Buffer, mediaType: string) => ({ mediaType, digest: digestOf(content), size: content.length });
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: part(config, 'application/vnd.cncf.helm.config.v1+json'),
      layers: [part(layer, 'application/vnd.cncf.helm.chart.content.v1.tar+gzip')],
    }),
  );
}
