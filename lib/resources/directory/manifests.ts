/** Reads one YAML file: which objects it declares, where each field stands, and what is wrong with it. */
import { readFile } from 'node:fs/promises';
import { isMap, isScalar, LineCounter, parseAllDocuments, type Document } from 'yaml';
import { z } from 'zod';
import { API_VERSION, GROUP } from '../../model/kind.ts';
import { manifestSchema, metadataSchema } from '../../model/manifest.ts';
import { sentenceOf } from '../../model/names.ts';
import { isKind, type Kind } from '../../model/object.ts';
import { isValueKind, readValues, type Values } from './values.ts';

/** Something in the user's files that is not in effect, and why. */
export interface Problem {
  file: string;
  line?: number;
  message: string;
}

/** Where something is declared. */
export interface Place {
  file: string;
  /** Line of a field, by its path in the object; of what encloses it when the field is not there. */
  lineOf: (path: readonly PropertyKey[]) => number;
}

export interface Manifest extends Place {
  kind: Kind;
  namespace: string;
  name: string;
  labels: Record<string, string> | undefined;
  annotations: Record<string, string> | undefined;
  spec: unknown;
}

/** A ConfigMap or Secret; `values` is undefined when it is refused. */
export interface ValueManifest extends Place {
  kind: string;
  namespace: string;
  name: string;
  values: Values | undefined;
}

export interface ReadFile {
  manifests: Manifest[];
  values: ValueManifest[];
  problems: Problem[];
  /** No YAML: nothing is known of what the file declares. */
  broken: boolean;
  /** A document could not be understood: what is missing may be in it, and does not count as deleted. */
  uncertain: boolean;
}

const anyObject = z.looseObject({ apiVersion: z.string(), kind: z.string() });
const listSchema = z.looseObject({ items: z.array(z.unknown()) });
const valueHead = z.looseObject({ metadata: metadataSchema });

export async function readManifests(file: string): Promise<ReadFile> {
  const text = await readFile(file, 'utf8');
  const lines = new LineCounter();
  const result: ReadFile = { manifests: [], values: [], problems: [], broken: false, uncertain: false };
  const documents = parseAllDocuments(text, { lineCounter: lines });
  const error = documents.flatMap((document) => document.errors)[0];
  if (error) {
    const line = error.linePos?.[0].line;
    const reason = (error.message.split('\n')[0] ?? '').replace(/ at line .*/, '');
    const message = `is no YAML: ${reason} (what it declared before stays in effect)`;
    result.problems.push({ file, ...(line !== undefined && { line }), message });
    return { ...result, broken: true, uncertain: true };
  }
  for (const document of documents) {
    const lineOf = (path: readonly PropertyKey[]): number => findLine(document, lines, path);
    take(document.toJS(), { file, lineOf }, result);
  }
  return result;
}

function take(raw: unknown, place: Place, result: ReadFile): void {
  const refuse = (path: readonly PropertyKey[], message: string): void => {
    result.problems.push({ file: place.file, line: place.lineOf(path), message });
    result.uncertain = true;
  };
  // A file of something else, such as Helm values, is not ours to judge.
  const object = anyObject.safeParse(raw);
  if (!object.success) return;
  const { apiVersion, kind } = object.data;
  if (apiVersion === 'v1' && kind === 'List') {
    const { data } = listSchema.safeParse(raw);
    data?.items.forEach((item, index) => {
      take(item, { ...place, lineOf: (path) => place.lineOf(['items', index, ...path]) }, result);
    });
  } else if (apiVersion === 'v1' && isValueKind(kind)) {
    const head = valueHead.safeParse(raw);
    if (!head.success) return refuse(...issueOf(head.error.issues[0]));
    const { namespace, name } = head.data.metadata;
    const read = readValues(kind, raw);
    if ('values' in read) result.values.push({ ...place, kind, namespace, name, values: read.values });
    else {
      result.values.push({ ...place, kind, namespace, name, values: undefined });
      const [path, message] = issueOf(read.issue);
      const line = place.lineOf(path);
      result.problems.push({ file: place.file, line, message: `${kind} ${name} is not in effect: ${message}` });
    }
  } else if (apiVersion.split('/')[0] === GROUP) {
    if (apiVersion !== API_VERSION || !isKind(kind)) return refuse(['kind'], `there is no ${kind} in ${apiVersion}`);
    const parsed = manifestSchema.safeParse(raw);
    if (!parsed.success) {
      const [path, message] = issueOf(parsed.error.issues[0]);
      return refuse(path, `${kind} is not in effect: ${message}`);
    }
    const { name, namespace, labels, annotations } = parsed.data.metadata;
    result.manifests.push({
      ...place,
      kind,
      name,
      namespace,
      labels: labels ?? undefined,
      annotations: annotations ?? undefined,
      spec: parsed.data.spec,
    });
  }
}

/** The field that an issue is about, and a sentence that names it. */
export function issueOf(issue: z.core.$ZodIssue | undefined): [path: PropertyKey[], message: string] {
  if (issue?.code === 'unrecognized_keys') {
    const path = [...issue.path, ...issue.keys.slice(0, 1)];
    return [path, `unknown field ${path.join('.')}`];
  }
  return [issue?.path ?? [], `${issue?.path.join('.') ?? ''}: ${issue ? sentenceOf(issue) : 'does not fit'}`];
}

function findLine(document: Document.Parsed, lines: LineCounter, path: readonly PropertyKey[]): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const start = startOf(document, path.slice(0, length));
    if (start !== undefined) return lines.linePos(start).line;
  }
  return 1;
}

/** Where a field begins: its key where it has one, since a value may stand lines below. */
function startOf(document: Document.Parsed, path: readonly PropertyKey[]): number | undefined {
  if (path.length === 0) return document.contents?.range[0];
  const parent: unknown = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  const pair = isMap(parent)
    ? parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(path.at(-1)))
    : undefined;
  const node: unknown = pair ? pair.key : document.getIn(path, true);
  const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined;
  return Array.isArray(range) && typeof range[0] === 'number' ? range[0] : undefined;
}
