/** What examples declare, read from their YAML: for each branch and path the bytes that Git must have. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { root } from './node-process.ts';

const manifestSchema = z.object({
  kind: z.string(),
  metadata: z.object({ name: z.string() }),
  spec: z.record(z.string(), z.unknown()),
});
export type Manifest = z.infer<typeof manifestSchema>;

const resourceSchema = z.object({
  stage: z.string().optional(),
  service: z.string().optional(),
  uri: z.string(),
  text: z.string(),
});

/** All objects of an example folder. */
export async function readExample(folder: string): Promise<Manifest[]> {
  const directory = join(root, folder);
  const files = (await readdir(directory))
    .filter((file) => file.endsWith('.yaml') && file !== 'kustomization.yaml')
    .sort();
  const texts = await Promise.all(files.map((file) => readFile(join(directory, file), 'utf8')));
  return texts.flatMap((text) => parseAllDocuments(text).map((document) => manifestSchema.parse(document.toJS())));
}

/** `branch:path` → content; a Resource of one stage stands over the default. */
export function expectedFiles(manifests: readonly Manifest[], stages: readonly string[]): Map<string, string> {
  const files = new Map<string, string>();
  const specific = new Set<string>();
  for (const manifest of manifests.filter(({ kind }) => kind === 'Resource')) {
    const { stage, service, uri, text } = resourceSchema.parse(manifest.spec);
    const path = service ? `${service}/${uri}` : uri;
    const branches = stage ? [stage] : service ? stages : ['master'];
    for (const branch of branches) {
      const key = `${branch}:${path}`;
      if (stage === undefined && specific.has(key)) continue;
      if (stage !== undefined) specific.add(key);
      files.set(key, text);
    }
  }
  return files;
}
