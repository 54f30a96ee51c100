/** What the flags of `keptn install` ask for: the objects that it applies, and what it refuses of 0.6.2's flags. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import type { KubeObject } from '../../lib/installation/installation.ts';
import { operatorObjects, REPOSITORY } from '../../lib/installation/operator.ts';
import { keptnDefinition, useCases, type KeptnSpec } from '../../lib/model/keptn.ts';
import { API_VERSION } from '../../lib/model/kind.ts';
import { problemsOf } from '../../lib/model/names.ts';
import { ownVersion } from '../../lib/observe/version.ts';
import { CliError } from '../errors.ts';
import { readInput } from '../input.ts';

/** Of this version of the command line. */
export const ownImage = `${REPOSITORY}:${ownVersion()}`;

export interface InstallFlags {
  namespace: string;
  values?: string;
  image?: string;
  useCase?: readonly string[];
  domain?: string;
  ingress?: string;
  storageClass?: string;
}

type Json = Record<string, unknown>;

/** What is asked for, before it is known what the cluster has. */
export interface Desired {
  namespace: string;
  /** Of the operator; undefined: as it is, or this version's. */
  image: string | undefined;
  /** Of a file: all that is declared. */
  whole: Json | undefined;
  /** Of flags: what is to be changed. */
  changes: Json;
}

const header = z.looseObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal('Keptn'),
  metadata: z.looseObject({ name: z.literal('keptn'), namespace: z.string().optional() }),
  spec: z.record(z.string(), z.unknown()).default({}),
});

export async function desiredOf(flags: InstallFlags): Promise<Desired> {
  const { namespace, image, values, useCase = [], domain, ingress, storageClass } = flags;
  const storage = storageClass === undefined ? undefined : { storageClassName: storageClass };
  const changes: Json = {
    ...(useCase.length > 0 && { useCases: useCasesOf(useCase) }),
    ...(domain !== undefined && { domain }),
    ...(ingress !== undefined && { ingress: { type: ingress } }),
    ...(storage && { nats: storage, mongodb: storage, configurationService: storage }),
  };
  const whole = values === undefined ? undefined : await specIn(values, namespace);
  // Before a cluster is asked.
  specOf(whole ?? {}, changes);
  return { namespace, image, whole, changes };
}

/** 0.6.2 knows `all` and `quality-gates`. */
const useCasesOf = (given: readonly string[]): string[] =>
  given.includes('all') ? [...useCases] : [...new Set(given)];

/** The spec with the changes, and all defaults. */
export function specOf(spec: Json, changes: Json): KeptnSpec {
  const parsed = keptnDefinition.spec.safeParse(merged(spec, changes));
  if (!parsed.success) throw new CliError('usage', problemsOf(parsed.error, 'spec'));
  return parsed.data;
}

/** As the API server does a merge patch. */
export function merged(value: Json, changes: Json): Json {
  const result: Json = { ...value };
  for (const [key, change] of Object.entries(changes)) {
    const before = result[key];
    result[key] = isRecord(change) ? merged(isRecord(before) ? before : {}, change) : change;
  }
  return result;
}

const isRecord = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

async function specIn(file: string, namespace: string): Promise<Json> {
  const documents = parseAllDocuments((await readInput(file, '--values')).toString('utf8'));
  const [document] = documents;
  const error = documents.flatMap(({ errors }) => errors)[0];
  if (error) throw new CliError('usage', `--values: ${file} is no YAML: ${error.message.split('\n')[0] ?? ''}`);
  if (document === undefined || documents.length > 1) {
    throw new CliError('usage', `--values: ${file} must have one document, a Keptn object`);
  }
  const parsed = header.safeParse(document.toJS());
  if (!parsed.success) throw new CliError('usage', `--values: ${file}: ${problemsOf(parsed.error)}`);
  const { metadata, spec } = parsed.data;
  if (metadata.namespace !== undefined && metadata.namespace !== namespace) {
    throw new CliError('usage', `--values: ${file} is for namespace ${metadata.namespace}: give it as --namespace too`);
  }
  return spec;
}

/** Custom resource definitions, as they come with the command line. */
export async function definitions(): Promise<KubeObject[]> {
  const folder = join(import.meta.dirname, '..', '..', 'crds');
  const files = (await readdir(folder)).filter((name) => name.endsWith('.keptn.sh.yaml')).sort();
  return Promise.all(files.map(async (file) => definition.parse(parse(await readFile(join(folder, file), 'utf8')))));
}
const definition = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
});

export const keptnObject = (namespace: string, spec: Json): KubeObject & { spec: Json } => ({
  apiVersion: API_VERSION,
  kind: 'Keptn',
  metadata: { name: 'keptn', namespace },
  spec,
});

/** What is applied where nothing is known of a cluster. */
export async function manifests({ namespace, image = ownImage, whole, changes }: Desired): Promise<KubeObject[]> {
  const keptn = keptnObject(namespace, merged(whole ?? {}, changes));
  return [...(await definitions()), ...operatorObjects({ namespace, image }), keptn];
}

/** The image that the operator is to have: one of another repository is not exchanged for ours without being asked. */
export function imageFor({ image }: Desired, current: string | undefined): string {
  if (image !== undefined) return image;
  return current === undefined || current.startsWith(`${REPOSITORY}:`) ? ownImage : current;
}
