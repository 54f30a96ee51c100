/** Small charts in the place of Istio's: what they bring is called as with Istio, as far as an installation looks at it. */
import { createServer } from 'node:http';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
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
  url: string;
  stop(): Promise<void>;
}

/** A Helm repository on loopback, of the charts in a folder. */
export async function serveCharts(folder: string, helm: string): Promise<ChartRepository> {
  const server = createServer((request, answer) => {
    readFile(join(folder, basename(request.url ?? ''))).then(
      (content) => answer.end(content),
      () => answer.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await run(helm, ['repo', 'index', folder, '--url', url]);
  return {
    url,
    stop: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}
