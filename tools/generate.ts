/** `npm run generate`: writes crds/*.yaml, docs/spec/*.md and docs/errors.md from lib, docs/cli.md from cli; `--check` fails when they differ. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { kindNames } from '../lib/model/object.ts';
import { codes } from '../lib/errors/codes.ts';
import { cliPage } from './cli-page.ts';
import { crdOf } from './crd.ts';
import { docsPageOf } from './docs-page.ts';

const root = join(import.meta.dirname, '..');
const header = '# Generated from lib/model by `npm run generate`: change it there.\n';

const files = new Map<string, string>();
for (const kind of kindNames) {
  const crd = crdOf(kind);
  files.set(
    `crds/${crd.metadata.name}.yaml`,
    header + stringify(crd, { lineWidth: 120, aliasDuplicateObjects: false }),
  );
  files.set(`docs/spec/${kind}.md`, docsPageOf(kind, crd));
}
files.set(
  'crds/kustomization.yaml',
  header +
    stringify({
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      resources: kindNames.map((kind) => `${crdOf(kind).metadata.name}.yaml`),
    }),
);

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
