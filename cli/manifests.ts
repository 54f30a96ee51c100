/** Objects in YAML files, in the order in which they build on each other. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { API_VERSION } from '../lib/model/kind.ts';
import { isKind, kindNames, type Kind } from '../lib/model/object.ts';
import { CliError } from './errors.ts';
import { readInput } from './input.ts';

const header = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
});

export interface Manifest {
  /** Where it stands, for messages. */
  source: string;
  kind: Kind;
  name: string;
  object: z.infer<typeof header>;
}

/** `path`: a file, a folder with all below it, or `-`. A document that is no object of ours is refused. */
export async function manifestsIn(path: string): Promise<Manifest[]> {
  const files = await filesIn(path);
  const manifests = (await Promise.all(files.map(read))).flat();
  if (manifests.length === 0) throw new CliError('usage', `--file: ${path} declares nothing`);
  return manifests.sort((a, b) => kindNames.indexOf(a.kind) - kindNames.indexOf(b.kind));
}

async function filesIn(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name) && !/^kustomization\./.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

async function read(file: string): Promise<Manifest[]> {
  const content = file === '-' ? await text(process.stdin) : (await readInput(file, '--file')).toString('utf8');
  return parseAllDocuments(content).flatMap((document, nth) => {
    const source = `${file === '-' ? 'standard input' : file}, document ${nth + 1}`;
    const [error] = document.errors;
    if (error) throw new CliError('usage', `--file: ${source} is no YAML: ${error.message.split('\n')[0] ?? ''}`);
    const value: unknown = document.toJS();
    if (value === null) return [];
    const { data: object } = header.safeParse(value);
    if (!object) throw new CliError('usage', `--file: ${source} needs apiVersion, kind and metadata.name`);
    const { kind, apiVersion, metadata } = object;
    if (apiVersion === API_VERSION && isKind(kind)) return { source, kind, name: metadata.name, object };
    throw new CliError(
      'usage',
      `--file: ${source}: ${apiVersion} ${kind} is not one of Keptn's: kubectl apply takes it`,
    );
  });
}
