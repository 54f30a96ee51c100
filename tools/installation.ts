/** What installs the operator, as files: install/base for kubectl, install/chart for Helm. */
import { stringify } from 'yaml';
import { z } from 'zod';
import { OPERATOR, operatorObjects, REPOSITORY } from '../lib/installation/operator.ts';
import { keptnDefinition } from '../lib/model/keptn.ts';
import { ownVersion } from '../lib/observe/version.ts';
import type { Crd } from './crd.ts';

const header = '# Generated from lib/installation by `npm run generate`: change it there.\n';
const NAMESPACE = 'keptn';

const yaml = (value: object): string => stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
const documents = (objects: readonly object[]): string => header + objects.map(yaml).join('---\n');

/** Path → content. */
export function baseFiles(): [string, string][] {
  const image = `${REPOSITORY}:${ownVersion()}`;
  return [
    ['install/base/operator.yaml', documents(operatorObjects({ namespace: NAMESPACE, image }))],
    [
      'install/base/kustomization.yaml',
      documents([
        { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', resources: ['operator.yaml'] },
      ]),
    ],
  ];
}

/** Helm fills in what stands in braces. */
const inChart = {
  namespace: '{{ .Release.Namespace }}',
  image: '{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}',
};
const pullSecrets = '{{ toJson .Values.imagePullSecrets }}';
/** Helm never upgrades what is in a chart's folder crds, so they are templates; with a release's end they stay. */
const kept = { 'helm.sh/resource-policy': 'keep' };

const valuesSchema = z.strictObject({
  global: z.looseObject({}).optional().describe('What Helm gives to a chart within a chart.'),
  image: z.strictObject({
    repository: z.string().min(1).describe('Where the image is, without its tag.'),
    tag: z.string().describe("Empty: the chart's appVersion."),
  }),
  imagePullSecrets: z.array(z.strictObject({ name: z.string().min(1) })).describe('Secrets for the image.'),
  keptn: z.strictObject({
    create: z.boolean().describe('True: with the Keptn object, which installs the rest.'),
    spec: keptnDefinition.spec.describe('Its spec: docs/spec/Keptn.md.'),
  }),
});

export function chartFiles(crds: readonly Crd[]): [string, string][] {
  const version = ownVersion();
  const templates = operatorObjects(inChart)
    .filter(({ kind }) => kind !== 'Namespace')
    .map((object) => (object.kind === 'ServiceAccount' ? { ...object, imagePullSecrets: pullSecrets } : object));
  return [
    [
      'install/chart/Chart.yaml',
      documents([
        {
          apiVersion: 'v2',
          name: OPERATOR,
          description: 'The operator of Keptn, with its custom resource definitions.',
          type: 'application',
          version,
          appVersion: version,
        },
      ]),
    ],
    [
      'install/chart/values.schema.json',
      `${JSON.stringify(z.toJSONSchema(valuesSchema, { io: 'input', target: 'draft-7' }), null, 2)}\n`,
    ],
    [
      'install/chart/templates/crds.yaml',
      documents(crds.map((crd) => ({ ...crd, metadata: { ...crd.metadata, annotations: kept } }))),
    ],
    ['install/chart/templates/operator.yaml', documents(templates).replace(JSON.stringify(pullSecrets), pullSecrets)],
  ];
}
