/**
 * `npm run generate`: writes crds/*.yaml, install/, docs/spec/*.md and docs/errors.md from lib, docs/cli.md from cli; `--check`
 * fails when they differ.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { z } from 'zod';
import { keptnDefinition, keptnStatusSchema } from '../lib/model/keptn.ts';
import { GROUP } from '../lib/model/kind.ts';
import { definitionOf, kindNames } from '../lib/model/object.ts';
import { statusSchema } from '../lib/model/status.ts';
import { codes } from '../lib/errors/codes.ts';
import { cliPage } from './cli-page.ts';
import { crdOf, type Described } from './crd.ts';
import { docsPageOf } from './docs-page.ts';
import { baseFiles, chartFiles } from './installation.ts';

const root = join(import.meta.dirname, '..');
const header = '# Generated from lib/model by `npm run generate`: change it there.\n';

const yaml = (value: object): string => stringify(value, { lineWidth: 120, aliasDuplicateObjects: false });

const files = new Map<string, string>();
const described: [Described, z.ZodType][] = [
  [keptnDefinition, keptnStatusSchema],
  ...kindNames.map((kind): [Described, z.ZodType] => [definitionOf(kind), statusSchema]),
];
const crds = described.map(([definition, status]) => ({ definition, crd: crdOf(definition, status) }));
for (const { definition, crd } of crds) {
  files.set(`crds/${crd.metadata.name}.yaml`, header + yaml(crd));
  files.set(`docs/spec/${definition.kind}.md`, docsPageOf(definition, crd));
}
files.set(
  'crds/kustomization.yaml',
  header +
    stringify({
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      resources: described.map(([{ plural }]) => `${plural}.${GROUP}.yaml`),
    }),
);

const installation = [...baseFiles(), ...chartFiles(crds.map(({ crd }) => crd))];
for (const [path, content] of installation) files.set(path, content);

files.set(
  'docs/errors.md',
  [
    '<!-- Generated from lib/errors/codes.ts by `npm run generate`: change it there. -->',
    '# Errors',
    '',
    'The code of an HTTP error, the reason of a condition and the reason of a Kubernetes event are the same words.',
    '',
    '| code | HTTP status | meaning |',
    '| --- | --- | --- |',
    ...Object.entries(codes).map(([code, { status, meaning }]) => `| ${code} | ${status} | ${meaning} |`),
    '',
  ].join('\n'),
);

files.set('docs/cli.md', cliPage());

const rules: unknown = parse(await readFile(join(root, 'install/monitoring/rules.yaml'), 'utf8'));
files.set(
  'install/monitoring/prometheus-rule.yaml',
  '# Generated from rules.yaml by `npm run generate`: change it there.\n' +
    yaml({ apiVersion: 'monitoring.coreos.com/v1', kind: 'PrometheusRule', metadata: { name: 'keptn' }, spec: rules }),
);

const check = process.argv.includes('--check');
const stale: string[] = [];
for (const [path, content] of files) {
  const target = join(root, path);
  const current = await readFile(target, 'utf8').catch(() => undefined);
  if (current === content) continue;
  if (check) stale.push(path);
  else {
    await mkdir(join(target, '..'), { recursive: true });
    await writeFile(target, content);
    console.log(`wrote ${path}`);
  }
}
if (stale.length > 0) {
  console.error(`out of date, run npm run generate: ${stale.join(', ')}`);
  process.exitCode = 1;
}
