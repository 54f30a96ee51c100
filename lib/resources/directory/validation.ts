/** What the API server checks when an object is applied: the schema, unknown fields, and the kind's rules. */
import type { Candidate } from '../../model/kind.ts';
import { definitionOf, type Kind, type Spec, type Stored } from '../../model/object.ts';
import { issueOf } from './manifests.ts';

/** Why a spec is refused: a sentence, and the path of the field in the object. */
export interface Refusal {
  path: readonly PropertyKey[];
  refusal: string;
}

/** The spec to put in effect, or what is wrong with it. */
export function validate<K extends Kind>(
  kind: K,
  declared: { name: string; spec: unknown },
  previous: Stored<K> | undefined,
): { spec: Spec<K> } | Refusal {
  const definition = definitionOf(kind);
  const raw = declared.spec ?? {};
  const parsed = definition.spec.safeParse(raw);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const [path, refusal] = issueOf(issue && { ...issue, path: ['spec', ...issue.path] });
    return { path, refusal };
  }
  const unknown = unknownField(raw, parsed.data, ['spec']);
  if (unknown) return { path: unknown, refusal: `unknown field ${unknown.join('.')}` };
  const candidate: Candidate<Spec<K>> = { metadata: { name: declared.name }, spec: parsed.data };
  const broken = definition.rules.find((rule) => !rule.check(candidate, previous));
  return broken ? { path: broken.field.split('.'), refusal: broken.message } : { spec: parsed.data };
}

/** The path of the first field that the schema does not know: it is not in what the schema gave back. */
function unknownField(raw: unknown, parsed: unknown, path: string[]): string[] | undefined {
  if (typeof raw !== 'object' || raw === null || typeof parsed !== 'object' || parsed === null) return undefined;
  const known = new Map(Object.entries(parsed));
  for (const [key, value] of Object.entries(raw)) {
    const here = [...path, key];
    if (!known.has(key)) return here;
    const inner = unknownField(value, known.get(key), here);
    if (inner) return inner;
  }
  return undefined;
}
