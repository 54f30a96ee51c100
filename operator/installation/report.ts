/** The status of a Keptn object: a condition for each component, Ready when all are, and what people ask for first. */
import { isDeepStrictEqual } from 'node:util';
import { type KeptnError, Terminal } from '../../lib/errors/classes.ts';
import { urlOf } from '../../lib/installation/ingress.ts';
import { conditionOf, versionOf, type Installation } from '../../lib/installation/installation.ts';
import type { Keptn, KeptnStatus } from '../../lib/model/keptn.ts';
import { conditionAfter, type Condition } from '../../lib/model/status.ts';
import type { Note } from '../../lib/resources/port.ts';
import type { Health } from './workloads.ts';

export type Findings =
  | { installation: Installation; healths: readonly Health[] }
  | { error: KeptnError }
  /** What is on its way out. */
  | { deleting: readonly string[] };

type Said = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** Nothing where nothing has changed; a note where Ready has. */
export function statusOf(keptn: Keptn, findings: Findings): { status?: KeptnStatus; note?: Note } {
  const said = saidOf(findings);
  const ready = said.at(-1);
  const conditions = said.map((one) => conditionAfter(keptn.status, one, keptn.metadata.generation));
  const known = 'healths' in findings ? factsOf(keptn, findings) : keptn.status;
  // Where the components could not be looked at, what was known of them stays.
  const others = 'healths' in findings ? [] : (keptn.status?.conditions ?? []).filter(({ type }) => !isSummary(type));
  const status = { ...known, observedGeneration: keptn.metadata.generation, conditions: [...others, ...conditions] };
  if (isDeepStrictEqual(status, keptn.status)) return {};
  const before = keptn.status?.conditions?.find(({ type }) => type === 'Ready');
  if (!ready || (before?.status === ready.status && before.reason === ready.reason)) return { status };
  const type = ready.status === 'True' || ready.reason === 'Progressing' ? 'Normal' : 'Warning';
  return { status, note: { type, reason: ready.reason, message: ready.message } };
}

const isSummary = (type: string): boolean => type === 'Ready' || type === 'Stalled';

/** Ready comes last. */
function saidOf(findings: Findings): Said[] {
  if ('deleting' in findings) {
    const [first = '', ...more] = findings.deleting;
    const message = `waiting for ${first}${more.length > 0 ? ` and ${more.length} more` : ''} to go`;
    return [{ type: 'Ready', status: 'False', reason: 'Deleting', message }];
  }
  if ('error' in findings) {
    const { code: reason, message } = findings.error;
    const stalled: Said[] =
      findings.error instanceof Terminal ? [{ type: 'Stalled', status: 'True', reason, message }] : [];
    return [...stalled, { type: 'Ready', status: 'False', reason, message }];
  }
  return [
    ...findings.healths.map(({ component, ...rest }) => ({ type: conditionOf(component), ...rest })),
    readyOf(findings.healths),
  ];
}

function readyOf(healths: readonly Health[]): Said {
  const unready = healths.filter(({ status }) => status !== 'True');
  if (unready.length === 0)
    return { type: 'Ready', status: 'True', reason: 'Installed', message: `${healths.length} components are ready` };
  // What is wrong stands before what only takes its time.
  const ordered = unready.toSorted((a, b) => Number(a.reason === 'Progressing') - Number(b.reason === 'Progressing'));
  const [first, ...more] = ordered;
  const message = `${first?.component ?? ''}: ${first?.message ?? ''}${more.length > 0 ? `; and ${more.length} more` : ''}`;
  return { type: 'Ready', status: 'False', reason: first?.reason ?? 'Progressing', message };
}

function factsOf(
  { status, spec: { domain } }: Keptn,
  { installation, healths }: Extract<Findings, { healths: unknown }>,
) {
  const ready = healths.filter(({ status: state }) => state === 'True').length;
  const url = urlOf(installation);
  // Until all run it, the version is the one before.
  const version = ready === healths.length ? versionOf(installation.image) : status?.version;
  return {
    ...(version !== undefined && { version }),
    components: `${ready}/${healths.length}`,
    ...(domain !== undefined && { domain }),
    ...(url !== undefined && { url }),
  };
}
